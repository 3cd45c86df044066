//! The providers of hosted models: where each is, which variable holds its key, what its models cost.

use smallcode_core::price::Price;

use super::server_url::ServerUrl;

/// When the prices below were compared with the providers' own pages.
pub const PRICES_OF: &str = "2026-11-05";

/// A provider of hosted models. What is sent to one leaves this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `api.anthropic.com`, which has a protocol of its own: Messages.
    Anthropic,
    /// `api.openai.com`.
    OpenAi,
    /// `api.deepseek.com`.
    DeepSeek,
    /// `openrouter.ai`, which tells prices and windows itself.
    OpenRouter,
}

/// What is known of a hosted model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hosted {
    /// What its tokens cost.
    pub price: Price,
    /// How many tokens prompt and answer may have together. For models that cost more beyond a number of tokens, that
    /// number: prices are known below it only.
    pub window: u64,
}

/// The most tokens of an answer of a hosted model where nobody says: a long file, with thinking before it. Each is set
/// aside in dollars before the call, so that the quarter of a large window would be too much.
pub(super) const HOSTED_ANSWER: u64 = 16_384;

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::OpenAi, Self::DeepSeek, Self::OpenRouter];

    /// Its word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::DeepSeek => "deepseek",
            Self::OpenRouter => "openrouter",
        }
    }

    /// The provider of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == word)
    }

    /// Where it is.
    pub fn base_url(self) -> Option<ServerUrl> {
        let url = match self {
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::DeepSeek => "https://api.deepseek.com/v1",
            Self::OpenRouter => "https://openrouter.ai/api/v1",
        };
        ServerUrl::parse(url).ok()
    }

    /// Whether a server is its own.
    pub fn is_at(self, server: &ServerUrl) -> bool {
        self.base_url().is_some_and(|own| own.same_server(server))
    }

    /// The provider that a server belongs to.
    pub fn of_server(server: &ServerUrl) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.is_at(server))
    }

    /// The variable in which its key is usually kept.
    pub fn key_variable(self) -> &'static str {
        match self {
            Self::Anthropic => "ANTHROPIC_API_KEY",
            Self::OpenAi => "OPENAI_API_KEY",
            Self::DeepSeek => "DEEPSEEK_API_KEY",
            Self::OpenRouter => "OPENROUTER_API_KEY",
        }
    }

    /// The provider whose key is usually kept in a variable.
    pub fn of_key_variable(variable: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.key_variable() == variable)
    }

    /// What is known of one of its models, as of [`PRICES_OF`].
    pub fn hosted(self, model: &str) -> Option<Hosted> {
        let rows: &[Row] = match self {
            Self::Anthropic => &ANTHROPIC,
            Self::OpenAi => &OPENAI,
            Self::DeepSeek => &DEEPSEEK,
            // It has hundreds of models, and tells what each costs.
            Self::OpenRouter => &[],
        };
        let row = rows.iter().find(|row| is_version_of(model, row.0))?;
        let (_, window, input, cached, output) = *row;
        Some(Hosted {
            price: Price {
                input,
                cached,
                output,
            },
            window,
        })
    }
}

/// Whether a name is that of a model, or of one of its dated versions: `gpt-4o-mini-2024-07-18`.
fn is_version_of(name: &str, model: &str) -> bool {
    let Some(rest) = name.strip_prefix(model) else {
        return false;
    };
    match rest.strip_prefix('-') {
        None => rest.is_empty(),
        Some("latest") => true,
        Some(date) => date.len() >= 8 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
    }
}

/// A model; its window in tokens; and in millionths of a dollar for a million tokens what a prompt costs, one that was
/// cached, and an answer.
type Row = (&'static str, u64, u64, u64, u64);

/// From platform.claude.com/docs/en/about-claude/pricing. Haiku 5.5 costs five times as much beyond 100,000 tokens.
const ANTHROPIC: [Row; 16] = [
    ("claude-fable-5-1", 200_000, 10_000_000, 250_000, 50_000_000),
    ("claude-fable-5", 200_000, 10_000_000, 1_000_000, 50_000_000),
    ("claude-opus-5-5", 200_000, 4_000_000, 200_000, 20_000_000),
    ("claude-opus-5", 200_000, 5_000_000, 500_000, 25_000_000),
    ("claude-opus-4-8", 200_000, 5_000_000, 500_000, 25_000_000),
    ("claude-opus-4-7", 200_000, 5_000_000, 500_000, 25_000_000),
    ("claude-opus-4-6", 200_000, 5_000_000, 500_000, 25_000_000),
    ("claude-opus-4-5", 200_000, 5_000_000, 500_000, 25_000_000),
    ("claude-opus-4-1", 200_000, 15_000_000, 1_500_000, 75_000_000),
    ("claude-sonnet-5-5", 200_000, 2_000_000, 100_000, 10_000_000),
    ("claude-sonnet-5", 200_000, 2_000_000, 200_000, 10_000_000),
    ("claude-sonnet-4-6", 200_000, 3_000_000, 300_000, 15_000_000),
    ("claude-sonnet-4-5", 200_000, 3_000_000, 300_000, 15_000_000),
    ("claude-haiku-5-5", 100_000, 100_000, 10_000, 500_000),
    ("claude-haiku-4-5", 200_000, 1_000_000, 100_000, 5_000_000),
    ("claude-3-5-haiku", 200_000, 800_000, 80_000, 4_000_000),
];

/// From developers.openai.com/api/docs/pricing. Models from 5.4 on cost more from 272,000 tokens on.
const OPENAI: [Row; 19] = [
    ("gpt-6-astra", 272_000, 10_000_000, 1_000_000, 50_000_000),
    ("gpt-5.6-sol", 272_000, 4_000_000, 400_000, 20_000_000),
    ("gpt-5.6-terra", 272_000, 2_000_000, 200_000, 12_000_000),
    ("gpt-5.6-luna", 272_000, 200_000, 20_000, 1_200_000),
    ("gpt-5.5", 272_000, 5_000_000, 500_000, 30_000_000),
    ("gpt-5.4", 272_000, 2_500_000, 250_000, 15_000_000),
    ("gpt-5.4-mini", 272_000, 750_000, 75_000, 4_500_000),
    ("gpt-5.2", 272_000, 1_750_000, 175_000, 14_000_000),
    ("gpt-5.1", 272_000, 1_250_000, 125_000, 10_000_000),
    ("gpt-5", 272_000, 1_250_000, 125_000, 10_000_000),
    ("gpt-5-mini", 272_000, 250_000, 25_000, 2_000_000),
    ("gpt-5-nano", 272_000, 50_000, 5_000, 400_000),
    ("gpt-4.1", 272_000, 2_000_000, 500_000, 8_000_000),
    ("gpt-4.1-mini", 272_000, 400_000, 100_000, 1_600_000),
    ("gpt-4.1-nano", 272_000, 100_000, 25_000, 400_000),
    ("gpt-4o", 128_000, 2_500_000, 1_250_000, 10_000_000),
    ("gpt-4o-mini", 128_000, 150_000, 75_000, 600_000),
    ("o3", 200_000, 2_000_000, 500_000, 8_000_000),
    ("o4-mini", 200_000, 1_100_000, 275_000, 4_400_000),
];

/// From api-docs.deepseek.com/quick_start/pricing: the prices of peak hours, which are twice the others.
const DEEPSEEK: [Row; 3] = [
    ("deepseek-flash", 128_000, 300_000, 6_000, 1_200_000),
    ("deepseek-v4-flash", 128_000, 300_000, 6_000, 1_200_000),
    ("deepseek-v4-pro", 128_000, 1_320_000, 44_000, 3_960_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_that_of_the_model_and_of_no_other() {
        let input = |provider: Provider, model: &str| provider.hosted(model).map(|hosted| hosted.price.input);
        assert_eq!(input(Provider::OpenAi, "gpt-4o"), Some(2_500_000));
        assert_eq!(input(Provider::OpenAi, "gpt-4o-mini-2024-07-18"), Some(150_000));
        assert_eq!(input(Provider::OpenAi, "gpt-4o-audio"), None);
        assert_eq!(input(Provider::OpenAi, "gpt-5.9"), None);
        assert_eq!(
            input(Provider::Anthropic, "claude-haiku-4-5-20251001"),
            Some(1_000_000)
        );
        assert_eq!(input(Provider::Anthropic, "claude-haiku-4-5-x"), None);
        assert_eq!(
            input(Provider::Anthropic, "claude-3-5-haiku-latest"),
            Some(800_000)
        );
        assert_eq!(input(Provider::DeepSeek, "gpt-4o"), None);
    }

    #[test]
    fn every_price_can_be_true() {
        for rows in [ANTHROPIC.as_slice(), &OPENAI, &DEEPSEEK] {
            for (model, window, input, cached, output) in rows {
                assert!(cached < input && input < output, "{model}");
                assert!(*window >= 100_000, "{model}");
            }
        }
    }
}
