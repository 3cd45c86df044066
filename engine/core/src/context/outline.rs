//! The signatures of a source file: what it declares, without how. By tree-sitter, so that broken files have one too; of
//! BoneScript by its own compiler, which reads past what is broken.

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

/// A language whose files have an outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Java.
    Java,
    /// C.
    C,
    /// C++.
    Cpp,
}

/// The longest file that is read: what is longer is generated, and its outline would not fit a small window either.
const MAX_BYTES: usize = 1024 * 1024;

/// How often the parser may report progress before it is stopped. It reports every hundred operations or so; a file of
/// [`MAX_BYTES`] of code stays far below, and garbage that sends the parser into recovery is cut off.
const MAX_STEPS: usize = 2_000_000;

/// The longest declaration without a body (a constant, a type, a list of fields) that is shown whole, in lines.
const SHORT: usize = 12;

/// The deepest nesting of declarations that is looked into: types in functions in types are rare beyond that.
const MAX_DEPTH: usize = 16;

impl Language {
    /// The language of a path, by its extension.
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "rs" => Self::Rust,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "py" | "pyi" => Self::Python,
            "go" => Self::Go,
            "java" => Self::Java,
            "c" | "h" => Self::C,
            "cc" | "cpp" | "cxx" | "hpp" | "hh" | "hxx" => Self::Cpp,
            _ => return None,
        })
    }

    fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::C => tree_sitter_c::LANGUAGE.into(),
            Self::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        }
    }

    /// Whether the body of a node holds declarations that belong to the outline.
    fn is_container(self, kind: &str) -> bool {
        match self {
            Self::Rust => matches!(kind, "impl_item" | "trait_item" | "mod_item" | "foreign_mod_item"),
            Self::JavaScript | Self::TypeScript | Self::Tsx => {
                matches!(
                    kind,
                    "class_declaration"
                        | "abstract_class_declaration"
                        | "class"
                        | "internal_module"
                        | "module"
                )
            }
            Self::Python => kind == "class_definition",
            Self::Java => matches!(
                kind,
                "class_declaration" | "interface_declaration" | "enum_declaration" | "record_declaration"
            ),
            Self::Cpp => matches!(
                kind,
                "class_specifier" | "struct_specifier" | "namespace_definition" | "linkage_specification"
            ),
            Self::Go | Self::C => false,
        }
    }

    /// Nodes that only wrap a declaration.
    fn is_wrapper(kind: &str) -> bool {
        matches!(
            kind,
            "export_statement"
                | "decorated_definition"
                | "expression_statement"
                | "template_declaration"
                | "ambient_declaration"
                | "lexical_declaration"
                | "variable_declarator"
        )
    }
}

/// What the paths of BoneScript programs end with.
const BONE: &str = ".bone";

/// Whether files of a path have an outline.
pub(super) fn is_outlined(path: &str) -> bool {
    path.ends_with(BONE) || Language::of_path(path).is_some()
}

/// The outline of the file at a path, of whatever language it is. `None` where it has none.
pub fn outline_of(path: &str, source: &str) -> Option<String> {
    if path.ends_with(BONE) {
        return Some(bonescript::outline(source)).filter(|outline| !outline.is_empty());
    }
    outline(Language::of_path(path)?, source)
}

/// The outline of `source`: its declarations in order, each as its signature. `None` where the file is too long, is
/// nothing that the grammar knows, or declares nothing.
pub fn outline(language: Language, source: &str) -> Option<String> {
    let tree = parsed(language, source).ok()?;
    let mut writer = Writer {
        language,
        source,
        out: String::new(),
    };
    writer.children(tree.root_node(), 0);
    (!writer.out.trim().is_empty()).then_some(writer.out)
}

/// Why a file was not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is longer than what is read.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLong,
    /// The parser was stopped: recovery from errors would have taken it too long.
    #[error("it is too far from its language to be read")]
    Stopped,
}

/// The syntax tree of `source`, with errors where it is broken.
pub(crate) fn parsed(language: Language, source: &str) -> Result<Tree, ParseError> {
    if source.len() > MAX_BYTES {
        return Err(ParseError::TooLong);
    }
    let mut parser = Parser::new();
    parser
        .set_language(&language.grammar())
        .map_err(|_| ParseError::Stopped)?;
    let bytes = source.as_bytes();
    let mut steps = 0_usize;
    let mut progress = |_: &ParseState| {
        steps += 1;
        if steps > MAX_STEPS {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.ok_or(ParseError::Stopped)
}

struct Writer<'s> {
    language: Language,
    source: &'s str,
    out: String,
}

impl<'s> Writer<'s> {
    fn children(&mut self, node: Node<'_>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.declaration(child, depth);
        }
    }

    /// Writes a declaration as its signature; anything else is left out.
    fn declaration(&mut self, node: Node<'_>, depth: usize) {
        // What could not be read still holds what could.
        if node.is_error() {
            return self.children(node, depth + 1);
        }
        let declares = is_declaration(node.kind());
        let (outer, inner) = (node, unwrapped(node));
        if !declares && !is_declaration(inner.kind()) {
            return;
        }
        let Some(body) = body_of(inner) else {
            return self.short(outer, depth);
        };
        let signature = self.text(outer.start_byte(), body.start_byte());
        self.line(
            depth,
            signature
                .trim_end()
                .trim_end_matches(['{', ':', '=', '>'])
                .trim_end(),
        );
        if self.language.is_container(inner.kind()) {
            self.children(body, depth + 1);
        }
    }

    /// A declaration without a body: whole where it is short, else its first line.
    fn short(&mut self, node: Node<'_>, depth: usize) {
        let text = self.text(node.start_byte(), node.end_byte());
        if text.lines().count() <= SHORT {
            self.line(depth, text);
        } else {
            let first = text.lines().next().unwrap_or_default();
            self.line(depth, &format!("{first} …"));
        }
    }

    fn line(&mut self, depth: usize, text: &str) {
        let indent = "    ".repeat(depth);
        let shown = text.trim_end();
        if shown.is_empty() {
            return;
        }
        self.out.push_str(&indent);
        self.out.push_str(shown);
        self.out.push('\n');
    }

    fn text(&self, start: usize, end: usize) -> &'s str {
        self.source.get(start..end).unwrap_or_default()
    }
}

/// Whether a node declares something, or wraps what does.
pub(super) fn named(node: Node<'_>) -> bool {
    is_declaration(node.kind()) || is_declaration(unwrapped(node).kind())
}

/// The declaration inside what only wraps it: `export`, decorators, `const f = () => …`.
fn unwrapped(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    for _ in 0..4 {
        if !Language::is_wrapper(inner.kind()) {
            break;
        }
        let field = ["declaration", "definition", "value"]
            .iter()
            .find_map(|field| inner.child_by_field_name(field));
        let last = inner.named_child_count().checked_sub(1);
        let next = field.or_else(|| inner.named_child(u32::try_from(last?).ok()?));
        match next {
            Some(next) => inner = next,
            None => break,
        }
    }
    inner
}

fn body_of(node: Node<'_>) -> Option<Node<'_>> {
    let body = node.child_by_field_name("body")?;
    // The fields of a struct are what it declares; only code is left out.
    let code = !matches!(
        body.kind(),
        "field_declaration_list"
            | "enum_variant_list"
            | "ordered_field_declaration_list"
            | "enumerator_list"
            | "interface_body"
            | "object_type"
            | "enum_body"
    ) || matches!(
        node.kind(),
        "class_specifier" | "struct_specifier" | "interface_declaration" | "enum_declaration"
    ) && matches!(body.kind(), "field_declaration_list" | "enum_body");
    code.then_some(body)
}

fn is_declaration(kind: &str) -> bool {
    matches!(
        kind,
        // Rust
        "function_item" | "function_signature_item" | "impl_item" | "trait_item" | "struct_item" | "enum_item"
            | "union_item" | "mod_item" | "type_item" | "const_item" | "static_item" | "macro_definition"
            | "use_declaration" | "foreign_mod_item" | "associated_type"
        // JavaScript, TypeScript
            | "function_declaration" | "generator_function_declaration" | "class_declaration"
            | "abstract_class_declaration" | "interface_declaration" | "type_alias_declaration" | "enum_declaration"
            | "method_definition" | "method_signature" | "abstract_method_signature" | "public_field_definition"
            | "field_definition" | "function_signature" | "arrow_function" | "function_expression" | "import_statement"
            | "internal_module" | "class"
        // Python
            | "function_definition" | "class_definition" | "import_from_statement" | "assignment"
        // Go
            | "method_declaration" | "type_declaration" | "const_declaration" | "var_declaration"
            | "import_declaration" | "package_clause"
        // Java
            | "record_declaration" | "field_declaration" | "constructor_declaration" | "package_declaration"
            | "constant_declaration"
        // C, C++
            | "declaration" | "struct_specifier" | "enum_specifier" | "type_definition" | "class_specifier"
            | "namespace_definition" | "preproc_include" | "preproc_def" | "linkage_specification"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, source: &str, expected: &[&str]) {
        let outline = outline(Language::of_path(path).unwrap(), source).unwrap_or_default();
        let lines: Vec<&str> = outline.lines().collect();
        assert_eq!(lines, expected, "{outline}");
    }

    #[test]
    fn rust() {
        check(
            "a.rs",
            "use std::fs;\npub struct P { pub x: i32 }\nimpl P {\n    /// New.\n    pub fn new() -> Self { P { x: 1 } }\n}\n\
             fn free<T>(t: T) -> T where T: Copy {\n    t\n}\nconst N: usize = 3;\n",
            &[
                "use std::fs;",
                "pub struct P { pub x: i32 }",
                "impl P",
                "    pub fn new() -> Self",
                "fn free<T>(t: T) -> T where T: Copy",
                "const N: usize = 3;",
            ],
        );
    }

    #[test]
    fn typescript() {
        check(
            "a.ts",
            "import { a } from './a';\nexport interface P { x: number }\nexport class C extends D {\n  private n = 1;\n\
             \x20 get(x: number): string { return '' + x; }\n}\nexport const f = (a: number): number => { return a; };\n\
             export default function main(): void { f(1); }\n",
            &[
                "import { a } from './a';",
                "export interface P { x: number }",
                "export class C extends D",
                "    private n = 1",
                "    get(x: number): string",
                "export const f = (a: number): number",
                "export default function main(): void",
            ],
        );
    }

    #[test]
    fn python() {
        check(
            "a.py",
            "import os\n\nX = 1\n\n@deco\ndef f(a: int) -> int:\n    return a\n\nclass C(B):\n    y: int = 2\n    def m(self):\n        pass\n\nprint(f(1))\n",
            &[
                "import os",
                "X = 1",
                "@deco",
                "def f(a: int) -> int",
                "class C(B)",
                "    y: int = 2",
                "    def m(self)",
            ],
        );
    }

    #[test]
    fn go_java_c_and_cpp() {
        check(
            "a.go",
            "package a\n\ntype P struct {\n\tX int\n}\n\nfunc (p *P) Get(i int) int {\n\treturn p.X + i\n}\n",
            &[
                "package a",
                "type P struct {",
                "\tX int",
                "}",
                "func (p *P) Get(i int) int",
            ],
        );
        check(
            "A.java",
            "package a;\npublic class A extends B {\n  private int n;\n  public int get(int i) { return n; }\n}\n",
            &[
                "package a;",
                "public class A extends B",
                "    private int n;",
                "    public int get(int i)",
            ],
        );
        check(
            "a.c",
            "#include <stdio.h>\nstruct p { int x; };\nstatic int add(int a, int b) {\n  return a + b;\n}\n",
            &["#include <stdio.h>", "struct p", "static int add(int a, int b)"],
        );
        check(
            "a.cpp",
            "namespace n {\nclass C : public B {\n public:\n  int get(int i) { return i; }\n  int x;\n};\n}\n",
            &[
                "namespace n",
                "    class C : public B",
                "        int get(int i)",
                "        int x;",
            ],
        );
    }

    #[test]
    fn garbage_and_broken_files_do_no_harm() {
        assert_eq!(outline(Language::Rust, ""), None);
        assert_eq!(outline(Language::Rust, "{{{{"), None);
        let _ = outline(Language::TypeScript, &"<({[".repeat(20_000));
        let broken = outline(Language::Rust, "struct A;\nfn b( {{\nfn c(x: i32) -> i32 { x }\n").unwrap();
        assert!(broken.contains("struct A;"), "{broken}");
    }
}
