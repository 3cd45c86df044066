//! The closed lists of words.

/// A closed list of words.
pub(crate) trait Words: Sized + Copy + 'static {
    /// Each word with what it means; the first of a meaning is the one to write.
    const WORDS: &'static [(&'static str, Self)];

    /// What a word means.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, value)| *value)
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word, as the language writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl Words for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant), $(($other, Self::$variant),)*)*];
        })*
    };
}

words! {
    /// How rows log in.
    Auth {
        /// A password gives a JSON Web Token.
        Jwt = "jwt",
        /// Another service says who it is.
        Oauth2 = "oauth2",
        /// A long secret in a header.
        ApiKey = "apikey",
        /// A cookie.
        Session = "session",
        /// Not at all.
        None = "none",
    }
    /// What a relation is.
    RelationKind {
        /// At most one row over there has the foreign key.
        HasOne = "has_one",
        /// Rows over there have the foreign key.
        HasMany = "has_many",
        /// This table has the foreign key.
        BelongsTo = "belongs_to",
        /// A table between the two has both.
        ManyToMany = "many_to_many",
    }
    /// How a capability does its work.
    Sync {
        /// At once, and told to the channels.
        Realtime = "realtime",
        /// In one transaction for the row changes; events later.
        Eventual = "eventual",
        /// Put into a queue, done with others.
        Batch = "batch",
        /// All in one transaction.
        Transactional = "transactional",
    }
    /// How pauses grow.
    Backoff {
        /// Not at all.
        Fixed = "fixed",
        /// By the interval.
        Linear = "linear",
        /// Twofold.
        Exponential = "exponential",
    }
    /// What follows a failed step of a pipeline.
    OnErrorWord {
        /// Nothing of it stays.
        Rollback = "rollback",
        /// A function undoes it.
        Compensate = "compensate",
        /// The next step runs.
        Ignore = "ignore",
        /// It runs again.
        Retry = "retry",
    }
    /// How often an event arrives.
    Delivery {
        /// Once or more often.
        AtLeastOnce = "at_least_once",
        /// Once or not at all.
        AtMostOnce = "at_most_once",
        /// Once, as its consumers see it.
        ExactlyOnce = "exactly_once",
    }
    /// Where rows are kept.
    Engine {
        /// `PostgreSQL`.
        Postgresql = "postgresql" | "postgres",
        /// Redis.
        Redis = "redis",
        /// `MongoDB`.
        Mongodb = "mongodb",
        /// `SQLite`.
        Sqlite = "sqlite",
        /// S3.
        S3 = "s3",
        /// `DynamoDB`.
        Dynamodb = "dynamodb",
    }
    /// How clients are connected to a channel.
    Transport {
        /// WebSocket.
        Websocket = "websocket",
        /// Server-sent events.
        Sse = "sse",
        /// Asking again and again.
        Polling = "polling",
        /// A stream of gRPC.
        GrpcStream = "grpc_stream",
    }
    /// In which order messages arrive.
    Ordering {
        /// None arrives before one that it follows from.
        Causal = "causal",
        /// Those of one sender in their order.
        Fifo = "fifo",
        /// The same for all.
        Total = "total",
        /// Any.
        Unordered = "unordered",
    }
    /// What is encrypted.
    Encryption {
        /// What is stored.
        AtRest = "at_rest",
        /// What travels.
        InTransit = "in_transit",
        /// Both.
        Both = "both",
    }
    /// What kind of backend it is.
    Domain {
        /// Many players at once.
        MultiplayerGame = "multiplayer_game",
        /// Many customers, each with users.
        SaasPlatform = "saas_platform",
        /// Many devices that report.
        IotSystem = "iot_system",
        /// People who follow people.
        SocialNetwork = "social_network",
        /// Sellers and buyers.
        Marketplace = "marketplace",
        /// Many writers of one thing.
        RealtimeCollaboration = "realtime_collaboration",
    }
    /// The catalogue of algorithms.
    AlgorithmName {
        /// The cheapest way through a graph.
        ShortestPath = "shortest_path",
        /// Nodes after what they need.
        TopologicalSort = "topological_sort",
        /// Where in a sorted list.
        BinarySearch = "binary_search",
        /// As many pairs as there can be.
        BipartiteMatching = "bipartite_matching",
        /// Each in turn.
        RoundRobin = "round_robin",
        /// Means with weights.
        WeightedAverage = "weighted_average",
        /// The value that so many are below.
        Percentile = "percentile",
        /// Sorted by a score.
        RankBy = "rank_by",
        /// The same node for the same key.
        ConsistentHash = "consistent_hash",
    }
}

impl AlgorithmName {
    /// The inputs, in order; those behind `optional` have a default.
    pub fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::ShortestPath => &["graph", "source", "target"],
            Self::TopologicalSort => &["graph"],
            Self::BinarySearch => &["items", "target"],
            Self::BipartiteMatching => &["left", "right", "edges"],
            Self::RoundRobin => &["items", "workers"],
            Self::WeightedAverage => &["items"],
            Self::Percentile => &["values", "k"],
            Self::RankBy => &["items", "score_fn", "order"],
            Self::ConsistentHash => &["key", "nodes", "replicas"],
        }
    }

    /// The input of this name. Published programs call the `replicas` of `consistent_hash` by a second name.
    pub fn input(self, word: &str) -> Option<&'static str> {
        let word = match (self, word) {
            (Self::ConsistentHash, "replica_count") => "replicas",
            (_, word) => word,
        };
        self.inputs().iter().find(|known| **known == word).copied()
    }

    /// Inputs that need not be given: 100 replicas, ascending order.
    pub fn optional(self) -> &'static [&'static str] {
        match self {
            Self::RankBy => &["order"],
            Self::ConsistentHash => &["replicas"],
            _ => &[],
        }
    }
}

/// What a domain decides where a program says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) sync: Sync,
    pub(crate) transport: Transport,
    pub(crate) ordering: Ordering,
    /// Messages that channels keep: 0 none, `None` all.
    pub(crate) persistence: Option<u64>,
    /// The most participants of a channel.
    pub(crate) max_size: u64,
}

impl Defaults {
    pub(crate) fn of(domain: Option<Domain>) -> Self {
        let (sync, transport, ordering, persistence, max_size) = match domain {
            Some(Domain::MultiplayerGame) => (
                Sync::Realtime,
                Transport::Websocket,
                Ordering::Causal,
                Some(100),
                10_000,
            ),
            Some(Domain::SaasPlatform) => (Sync::Eventual, Transport::Sse, Ordering::Fifo, None, 5_000),
            Some(Domain::IotSystem) => (
                Sync::Eventual,
                Transport::GrpcStream,
                Ordering::Fifo,
                Some(1000),
                100_000,
            ),
            Some(Domain::SocialNetwork) => (
                Sync::Eventual,
                Transport::Websocket,
                Ordering::Causal,
                Some(100),
                50_000,
            ),
            Some(Domain::Marketplace) => (Sync::Transactional, Transport::Sse, Ordering::Fifo, None, 10_000),
            Some(Domain::RealtimeCollaboration) => (
                Sync::Realtime,
                Transport::Websocket,
                Ordering::Causal,
                None,
                10_000,
            ),
            None => (
                Sync::Eventual,
                Transport::Websocket,
                Ordering::Fifo,
                Some(0),
                10_000,
            ),
        };
        Self {
            sync,
            transport,
            ordering,
            persistence,
            max_size,
        }
    }
}
