//! What a template may cost, and where each number comes from.

/// Bytes of a value in a workflow file: a prompt of 64 KiB is some 16,000 tokens, past the window
/// of most small models.
pub(super) const VALUE_BYTES: usize = 64 * 1024;

/// Bytes of a template file of `render`, which may be a whole page of a site with text around it.
pub(super) const FILE_BYTES: usize = 1024 * 1024;

/// Bytes of one tag: the longest that people write is a few hundred.
pub(super) const TAG_BYTES: usize = 4 * 1024;

/// Tokens of one tag. The compiler recurses for each `not` and `-`, and frees a chain of `.name` or
/// `|filter` step by step.
pub(super) const TAG_TOKENS: usize = 256;

/// Open brackets in one expression. The compiler goes through some fifteen functions for each, and
/// the sides of `~` and `+` are put in brackets of their own. With the deepest blocks around it, the
/// worst expression takes 1.2 MiB of stack in a debug build; threads have 2.
pub(super) const BRACKETS: usize = 24;

/// Blocks inside each other.
pub(super) const BLOCKS: usize = 32;

/// `elif` branches of one `if`.
pub(super) const BRANCHES: usize = 64;

/// Blocks and `elif` branches that stand inside each other: to the compiler an `elif` is an `if`
/// within an `else`, so both recurse.
pub(super) const BLOCKS_AND_BRANCHES: usize = 80;

/// Tags of one template, so that a file of `{{a}}` alone does not compile to a hundred times its
/// size.
pub(super) const TAGS: usize = 16 * 1024;

/// Levels of lists and mappings that the assignments of a template can put around each other.
/// Comparing and freeing a value recurses once a level.
pub(super) const BUILT_DEPTH: usize = 256;

/// Levels of a value that comes in from outside; `serde_json` reads no deeper.
pub(super) const VALUE_DEPTH: usize = 128;

/// Levels of a value that goes out: what came in, with what a template and its last tag can put
/// around it.
pub(super) const RESULT_DEPTH: usize = VALUE_DEPTH + BUILT_DEPTH + TAG_TOKENS;

/// Bytes of text that a render gives.
pub(super) const OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of data that a render may make or look through: a prompt needs a thousandth, and with the
/// output and what JSON takes in memory a render stays under 200 MB.
pub(super) const DATA_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of data that one unit of fuel pays for; one instruction costs a unit, too.
pub(super) const UNIT_BYTES: u64 = 64;

/// Fuel of a render, which is `DATA_BYTES` or about a million instructions.
pub(super) const FUEL: u64 = 1024 * 1024;

/// Lines of both texts of a `diff` together. Its time grows with their product: 10,000 lines that
/// share nothing take a fraction of a second.
pub(super) const DIFF_LINES: usize = 10_000;
