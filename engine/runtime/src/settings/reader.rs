//! `config.toml` and `smallcode.toml`: text in, one layer and all its problems out.

use std::time::Duration;

use camino::Utf8Path;
use secrecy::SecretString;
use smallcode_core::price::{Price, Usd};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::parse_duration;
use super::escalate;
use super::layer::{KeySource, Kind, LARGEST_WINDOW, Layer, Partial, SMALLEST_WINDOW};
use super::origin::{Origin, Place, Sourced};
use super::problem::{Problem, nearest};
use super::provider::Provider;
use super::server_url::ServerUrl;

const TOP_KEYS: [&str; 2] = ["profiles", "escalate"];
const ESCALATE_KEYS: [&str; 4] = ["profile", "allow", "calls", "usd"];
const PRICE_KEYS: [&str; 3] = ["input", "cached", "output"];
const TIMEOUT_KEYS: [&str; 4] = ["connect", "first_byte", "idle", "total"];
const PROFILE_KEYS: [&str; 13] = [
    "provider",
    "base_url",
    "model",
    "api_key",
    "api_key_env",
    "window",
    "max_output",
    "temperature",
    "top_p",
    "seed",
    "slots",
    "price",
    "timeouts",
];

/// Calls at the same time that one profile may ask for; more than any one server takes.
const MOST_SLOTS: u64 = 1_024;

/// Servers of one profile; more than anybody runs side by side.
const MOST_SERVERS: usize = 64;

/// The most calls of escalation in a run that make sense to allow.
const MOST_ESCALATED_CALLS: u64 = 1_000_000;

/// The most dollars that are believed: for a million tokens, or for a run.
const MOST_DOLLARS: f64 = 1_000_000.0;

/// Reads a settings file; everything wrong with it goes to `problems`.
pub(super) fn read(kind: Kind, file: &Utf8Path, text: &str, problems: &mut Vec<Problem>) -> Layer {
    let mut reader = Reader {
        kind,
        file,
        text,
        problems,
    };
    let mut layer = Layer {
        kind,
        profiles: std::collections::BTreeMap::new(),
        escalate: escalate::Partial::default(),
    };
    match DeTable::parse(text) {
        Err(error) => {
            let place = reader.place(error.span().map_or(0, |span| span.start));
            reader
                .problems
                .push(Problem::at_place(&place, error.message().replace('\n', ", ")));
        }
        Ok(document) => reader.document(document.get_ref(), &mut layer),
    }
    layer
}

type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'a> {
    kind: Kind,
    file: &'a Utf8Path,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self, document: &DeTable<'_>, layer: &mut Layer) {
        for (key, value) in document {
            match key.get_ref().as_ref() {
                "profiles" => {}
                "escalate" => {
                    self.escalate(value, &mut layer.escalate);
                    continue;
                }
                unknown => {
                    self.unknown_key(key.span().start, unknown, &TOP_KEYS);
                    continue;
                }
            }
            let Some(profiles) = self.table(value, "profiles") else {
                continue;
            };
            for (name, value) in profiles {
                let name = name.get_ref().as_ref();
                if let Some(table) = self.table(value, name) {
                    let partial = self.profile(table);
                    layer.profiles.insert(name.to_owned(), partial);
                }
            }
        }
    }

    fn profile(&mut self, table: &DeTable<'_>) -> Partial {
        let mut partial = Partial::default();
        let mut key_twice = false;
        for (key, value) in table {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "provider" => partial.provider = self.provider(value),
                "base_url" => self.urls(value, &mut partial),
                "model" => partial.model = self.text(value, "model"),
                "api_key" => {
                    key_twice |= partial.api_key.is_some();
                    partial.api_key = self.inline_key(at, value);
                }
                "api_key_env" => {
                    key_twice |= partial.api_key.is_some();
                    partial.api_key = self
                        .text(value, "api_key_env")
                        .map(|name| Sourced::new(KeySource::Variable(name.value), name.origin));
                }
                "window" => partial.window = self.integer(value, "window", SMALLEST_WINDOW, LARGEST_WINDOW),
                "max_output" => partial.max_output = self.integer(value, "max_output", 1, LARGEST_WINDOW),
                "temperature" => partial.temperature = self.number(value, "temperature", 2.0),
                "top_p" => partial.top_p = self.number(value, "top_p", 1.0),
                "seed" => partial.seed = self.integer(value, "seed", 0, i64::MAX.unsigned_abs()),
                "slots" => partial.slots = self.integer(value, "slots", 1, MOST_SLOTS),
                "price" => partial.price = self.price(value),
                "timeouts" => self.timeouts(value, &mut partial),
                unknown => self.unknown_key(at, unknown, &PROFILE_KEYS),
            }
            if key_twice {
                self.problem(
                    at,
                    "a profile has one key",
                    Some("keep `api_key` or `api_key_env`"),
                );
                key_twice = false;
            }
        }
        partial
    }

    fn provider(&mut self, value: &Value<'_>) -> Option<Sourced<Provider>> {
        let word = self.text(value, "provider")?;
        let found = Provider::from_word(&word.value);
        if found.is_none() {
            let known = Provider::ALL.map(Provider::as_str).join("`, `");
            self.wrong_type(value, "provider", &format!("one of `{known}`"));
        }
        found.map(|provider| Sourced::new(provider, word.origin))
    }

    /// One server, or a list of servers with the same model.
    fn urls(&mut self, value: &Value<'_>, partial: &mut Partial) {
        let Some(list) = value.get_ref().as_array() else {
            partial.base_url = self.url(value);
            return;
        };
        let mut urls: Vec<_> = list.iter().filter_map(|value| self.url(value)).collect();
        if list.is_empty() || list.len() > MOST_SERVERS {
            let wanted = format!("an address, or a list of 1 to {MOST_SERVERS}");
            self.wrong_type(value, "base_url", &wanted);
        } else if !urls.is_empty() {
            partial.base_url = Some(urls.remove(0));
            partial.others = urls;
        }
    }

    fn price(&mut self, value: &Value<'_>) -> Option<Sourced<Price>> {
        let table = self.table(value, "price")?;
        let (mut input, mut cached, mut output) = (None, None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "input" => input = self.dollars(value, "input"),
                "cached" => cached = self.dollars(value, "cached"),
                "output" => output = self.dollars(value, "output"),
                unknown => self.unknown_key(key.span().start, unknown, &PRICE_KEYS),
            }
        }
        let (Some(input), Some(output)) = (input, output) else {
            self.wrong_type(
                value,
                "price",
                "`input` and `output`, in dollars for a million tokens",
            );
            return None;
        };
        // A billionth of a dollar is a thousandth of the unit of prices: what is below it is rounded up.
        let unit = |usd: Usd| usd.0.div_ceil(1_000);
        let price = Price {
            input: unit(input),
            cached: unit(cached.unwrap_or(input)),
            output: unit(output),
        };
        Some(Sourced::new(price, self.origin(value)))
    }

    fn dollars(&mut self, value: &Value<'_>, name: &str) -> Option<Usd> {
        let dollars = self.number(value, name, MOST_DOLLARS)?;
        Usd::dollars(dollars.value)
    }

    fn escalate(&mut self, value: &Value<'_>, partial: &mut escalate::Partial) {
        let Some(table) = self.table(value, "escalate") else {
            return;
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "profile" => partial.profile = self.text(value, "profile"),
                "allow" if self.kind != Kind::User => self.problem(
                    key.span().start,
                    "a workspace can't allow escalation for you",
                    Some("set it in your own `config.toml`, or give `--escalate`"),
                ),
                "allow" => match value.get_ref().as_bool() {
                    Some(allow) => partial.allow = Some(allow),
                    None => self.wrong_type(value, "allow", "true or false"),
                },
                "calls" => {
                    let calls = self.integer(value, "calls", 0, MOST_ESCALATED_CALLS);
                    partial.calls = calls.map(|calls| calls.value);
                }
                "usd" => partial.usd = self.dollars(value, "usd"),
                unknown => self.unknown_key(key.span().start, unknown, &ESCALATE_KEYS),
            }
        }
    }

    fn inline_key(&mut self, at: usize, value: &Value<'_>) -> Option<Sourced<KeySource>> {
        if self.kind != Kind::User {
            self.problem(
                at,
                "a key in a workspace would be shared with it",
                Some("write `api_key_env = \"NAME\"` and set that variable"),
            );
            return None;
        }
        let key = self.text(value, "api_key")?;
        Some(Sourced::new(
            KeySource::Given(SecretString::from(key.value), None),
            key.origin,
        ))
    }

    fn timeouts(&mut self, value: &Value<'_>, partial: &mut Partial) {
        let Some(table) = self.table(value, "timeouts") else {
            return;
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "connect" => partial.connect = self.duration(value, "connect"),
                "first_byte" => partial.first_byte = self.duration(value, "first_byte"),
                "idle" => partial.idle = self.duration(value, "idle"),
                "total" => partial.total = self.duration(value, "total"),
                unknown => self.unknown_key(key.span().start, unknown, &TIMEOUT_KEYS),
            }
        }
    }

    fn table<'v, 'i>(&mut self, value: &'v Value<'i>, name: &str) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(value, name, "a table");
        }
        table
    }

    fn text(&mut self, value: &Value<'_>, name: &str) -> Option<Sourced<String>> {
        let text = value
            .get_ref()
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong_type(value, name, "a text in quotes, not empty");
        }
        text.map(|text| Sourced::new(text.to_owned(), self.origin(value)))
    }

    fn url(&mut self, value: &Value<'_>) -> Option<Sourced<ServerUrl>> {
        let text = self.text(value, "base_url")?;
        match ServerUrl::parse(&text.value) {
            Ok(url) => Some(Sourced::new(url, text.origin)),
            Err(error) => {
                self.problem(value.span().start, &error.to_string(), None);
                None
            }
        }
    }

    fn integer(&mut self, value: &Value<'_>, name: &str, least: u64, most: u64) -> Option<Sourced<u64>> {
        let number = value.get_ref().as_integer().and_then(|number| {
            u64::from_str_radix(&number.as_str().replace(['_', '+'], ""), number.radix()).ok()
        });
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong_type(value, name, &format!("a whole number from {least} to {most}"));
        }
        number.map(|number| Sourced::new(number, self.origin(value)))
    }

    fn number(&mut self, value: &Value<'_>, name: &str, most: f64) -> Option<Sourced<f64>> {
        let text = match value.get_ref() {
            DeValue::Float(number) => Some(number.as_str()),
            DeValue::Integer(number) => Some(number.as_str()),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let number = text
            .and_then(|text| text.replace('_', "").parse::<f64>().ok())
            .filter(|number| (0.0..=most).contains(number));
        if number.is_none() {
            self.wrong_type(value, name, &format!("a number from 0 to {most}"));
        }
        number.map(|number| Sourced::new(number, self.origin(value)))
    }

    fn duration(&mut self, value: &Value<'_>, name: &str) -> Option<Duration> {
        let duration = value
            .get_ref()
            .as_str()
            .and_then(parse_duration)
            .filter(|time| !time.is_zero());
        if duration.is_none() {
            self.wrong_type(value, name, "a duration like \"90s\" or \"5m\"");
        }
        duration
    }

    fn wrong_type(&mut self, value: &Value<'_>, name: &str, wanted: &str) {
        self.problem(value.span().start, &format!("`{name}` is {wanted}"), None);
    }

    fn unknown_key(&mut self, at: usize, key: &str, known: &[&str]) {
        let help = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: `{}`", known.join("`, `")),
        };
        self.problem(at, &format!("unknown key `{key}`"), Some(&help));
    }

    fn problem(&mut self, at: usize, message: &str, help: Option<&str>) {
        let place = self.place(at);
        self.problems
            .push(Problem::at_place(&place, message).with_help(help.map(str::to_owned)));
    }

    fn origin(&self, value: &Value<'_>) -> Origin {
        let place = self.place(value.span().start);
        if self.kind.is_of_workspace() {
            Origin::WorkspaceFile(place)
        } else {
            Origin::UserFile(place)
        }
    }

    /// Returns line and column of a byte; a file is at most 64 KiB, so counting each time is cheap.
    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place {
            file: self.file.to_owned(),
            line,
            column,
        }
    }
}
