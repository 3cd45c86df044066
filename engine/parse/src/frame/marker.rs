//! What the tags of the dialects mean: a table, so that a new model family is a new line and no new code.
//!
//! The key of a tag is its name in lower case without underscores, hyphens and spaces, and without the namespace that
//! a family puts before it: `<|tool_calls_section_begin|>`, `<｜tool▁calls▁begin｜>` and `<TOOLCALLS>` differ only there.

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Holds calls.
    Calls,
    /// Holds one call, or several.
    Call,
    /// Names a function: `<function=f>`, `<invoke name="f">`.
    Function,
    /// Holds one argument: `<parameter=p>`, `<param name="p">`.
    Parameter,
    /// `<arg_key>`.
    Key,
    /// `<arg_value>`.
    Value,
    /// Stands between a name and its arguments.
    Separator,
    /// Comes before the id of a call.
    CallId,
    /// Holds what the model thinks.
    Think,
    /// Begins the header of a message.
    Header,
    /// Ends the header of a message.
    Message,
    /// Ends a message.
    End,
    /// Says who speaks; some models put calls into it.
    Speaker,
    /// Holds what a tool gave back: whatever it holds is no call.
    Result,
    /// Means nothing here.
    Noise,
    /// Ends what stood before as thinking: `[BEGIN FINAL RESPONSE]`.
    Answer,
    /// Not in the table: a tag of the text, or an element that is named after a tool or a parameter.
    Other,
}

/// Prefixes that families put before their tags.
const NAMESPACES: &[&str] = &[
    "antml", "atem", "dsml", "ifm", "minimax", "mm", "plamo", "seed", "steptml", "longcat",
];

/// Key, role, and whether the tag closes although it has no slash. In the order of the keys.
const TABLE: &[(&str, Role, bool)] = &[
    ("actionend", Role::Call, true),
    ("actionstart", Role::Call, false),
    ("argkey", Role::Key, false),
    ("args", Role::Separator, false),
    ("argument", Role::Parameter, false),
    ("argvalue", Role::Value, false),
    ("assistant", Role::Speaker, false),
    ("beginfinalresponse", Role::Answer, false),
    ("beginofsentence", Role::Noise, false),
    ("beginoftext", Role::Noise, false),
    ("beginofthought", Role::Think, false),
    ("beginthink", Role::Think, false),
    ("begintoolarguments", Role::Separator, false),
    ("begintoolname", Role::Call, false),
    ("begintoolrequest", Role::Call, false),
    ("begintoolrequests", Role::Calls, false),
    ("bos", Role::Noise, false),
    ("call", Role::End, false),
    ("callid", Role::CallId, false),
    ("calls", Role::Calls, false),
    ("channel", Role::Header, false),
    ("constrain", Role::Separator, false),
    ("contentinvoketooljson", Role::Call, false),
    ("contentmodelendsampling", Role::Noise, false),
    ("contenttext", Role::Noise, false),
    ("contentthinking", Role::Think, false),
    ("end", Role::End, false),
    ("endaction", Role::Call, true),
    ("endfunctioncall", Role::Call, true),
    ("endheaderid", Role::Noise, false),
    ("endmessage", Role::End, false),
    ("endofsentence", Role::Noise, false),
    ("endoftext", Role::Noise, false),
    ("endofthought", Role::Think, true),
    ("endofturn", Role::Noise, false),
    ("endresponse", Role::Noise, false),
    ("endtext", Role::Noise, false),
    ("endthink", Role::Think, true),
    ("endthinking", Role::Think, true),
    ("endtoolarguments", Role::Call, true),
    ("endtoolname", Role::Separator, false),
    ("endtoolrequest", Role::Call, true),
    ("endtoolrequests", Role::Calls, true),
    ("eom", Role::End, false),
    ("eomid", Role::End, false),
    ("eos", Role::Noise, false),
    ("eot", Role::End, false),
    ("eotid", Role::End, false),
    ("function", Role::Function, false),
    ("functioncall", Role::Call, false),
    ("functioncalls", Role::Calls, false),
    ("functionresponse", Role::Result, false),
    ("functionresult", Role::Result, false),
    ("functionresults", Role::Result, false),
    ("functionscall", Role::Call, false),
    ("imend", Role::End, false),
    ("imsep", Role::Noise, false),
    ("imstart", Role::Noise, false),
    ("interpreter", Role::Separator, false),
    ("invoke", Role::Function, false),
    ("message", Role::Message, false),
    ("messagemodel", Role::Noise, false),
    ("messagesep", Role::Noise, false),
    ("msg", Role::Separator, false),
    ("observation", Role::Result, false),
    ("param", Role::Parameter, false),
    ("parameter", Role::Parameter, false),
    ("plugin", Role::Separator, false),
    ("pythonend", Role::Call, true),
    ("pythonstart", Role::Call, false),
    ("pythontag", Role::Call, false),
    ("reasoning", Role::Think, false),
    ("return", Role::End, false),
    ("roleend", Role::Noise, false),
    ("rolesep", Role::Call, false),
    ("s", Role::Noise, false),
    ("sep", Role::Separator, false),
    ("start", Role::Header, false),
    ("startaction", Role::Call, false),
    ("startfunctioncall", Role::Call, false),
    ("startheaderid", Role::Noise, false),
    ("startofturn", Role::Noise, false),
    ("startresponse", Role::Noise, false),
    ("starttext", Role::Noise, false),
    ("startthinking", Role::Think, false),
    ("system", Role::Speaker, false),
    ("think", Role::Think, false),
    ("thinking", Role::Think, false),
    ("thought", Role::Think, false),
    ("toolcall", Role::Call, false),
    ("toolcallargumentbegin", Role::Separator, false),
    ("toolcallargumentend", Role::Call, true),
    ("toolcallbegin", Role::Call, false),
    ("toolcallend", Role::Call, true),
    ("toolcalls", Role::Calls, false),
    ("toolcallsbegin", Role::Calls, false),
    ("toolcallsend", Role::Calls, true),
    ("toolcallssectionbegin", Role::Calls, false),
    ("toolcallssectionend", Role::Calls, true),
    ("toolcallstart", Role::Call, false),
    ("toolcode", Role::Call, false),
    ("tooloutput", Role::Result, false),
    ("tooloutputs", Role::Result, false),
    ("toolrequest", Role::Call, false),
    ("toolresponse", Role::Result, false),
    ("toolresult", Role::Result, false),
    ("toolresults", Role::Result, false),
    ("toolsep", Role::Separator, false),
    ("toolsprefix", Role::Calls, false),
    ("toolssuffix", Role::Calls, true),
    ("tooluse", Role::Call, false),
    ("user", Role::Speaker, false),
];

/// Names in square brackets that are markers; other brackets are text. In the order of the keys, too.
const SQUARE: &[(&str, Role, bool)] = &[
    ("args", Role::Separator, false),
    ("beginfinalresponse", Role::Answer, false),
    ("callid", Role::CallId, false),
    ("endtoolcalls", Role::Calls, true),
    ("endtoolrequest", Role::Call, true),
    ("think", Role::Think, false),
    ("toolcall", Role::Call, false),
    ("toolcalls", Role::Call, false),
    ("toolrequest", Role::Call, false),
];

/// The longest key in the table is a good deal shorter; a longer one is none.
const KEY: usize = 32;

pub(crate) fn is_namespace(word: &str) -> bool {
    NAMESPACES.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The role of a tag in angle brackets, and whether it closes without a slash.
pub(crate) fn angle(name: &str) -> (Role, bool) {
    find(TABLE, name).unwrap_or((Role::Other, false))
}

/// The same for square brackets.
pub(crate) fn square(name: &str) -> Option<(Role, bool)> {
    find(SQUARE, name)
}

fn find(table: &[(&str, Role, bool)], name: &str) -> Option<(Role, bool)> {
    let mut buffer = [0_u8; KEY];
    let mut len = 0;
    for ch in name.chars() {
        if matches!(ch, '_' | '-' | ' ' | '▁') {
            continue;
        }
        if !ch.is_ascii() {
            return None;
        }
        *buffer.get_mut(len)? = ch.to_ascii_lowercase() as u8;
        len += 1;
    }
    let key = std::str::from_utf8(buffer.get(..len)?).ok()?;
    let key = key.strip_prefix("longcat").unwrap_or(key);
    let found = table.binary_search_by_key(&key, |(known, ..)| *known).ok()?;
    table.get(found).map(|(_, role, closes)| (*role, *closes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order() {
        for table in [TABLE, SQUARE] {
            assert!(table.is_sorted_by(|one, other| one.0 < other.0));
        }
    }

    #[test]
    fn families_write_one_marker_in_many_ways() {
        for name in [
            "tool_call",
            "TOOLCALL",
            "tool call",
            "longcat_tool_call",
            "Tool-Call",
        ] {
            assert_eq!(angle(name), (Role::Call, false), "{name}");
        }
        assert_eq!(angle("tool▁call▁end"), (Role::Call, true));
        assert_eq!(angle("tool_callings"), (Role::Other, false));
        assert_eq!(angle(&"tool_call".repeat(20)), (Role::Other, false));
        assert_eq!(square("TOOL_CALLS"), Some((Role::Call, false)));
        assert_eq!(square("x"), None);
    }
}
