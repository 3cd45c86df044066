//! Statements.

use super::super::document::{Doc, Docs};
use super::super::syntax::{
    Block, Case, Declarator, Expression, Items, Specifier, Statement, Type, TypeParameter,
};
use super::Printer;
use super::assign::Layout;
use super::place::{Place, leftmost};
use super::types::{TypePlace, is_hugged_union};

impl<'a, 't> Printer<'a, 't> {
    fn ended(&mut self, doc: Doc) -> Doc {
        let end = self.text(";");
        self.all(&[doc, end])
    }

    #[expect(clippy::too_many_lines, reason = "a line or two for each kind of statement")]
    pub(super) fn statement(&mut self, statement: &'t Statement<'a>) -> Doc {
        use Statement as S;
        match statement {
            S::Verbatim(text) => self.docs.verbatim(text),
            S::Import {
                type_only,
                default,
                namespace,
                names,
                source,
            } => self.import(*type_only, *default, *namespace, names.as_ref(), source),
            S::ExportNames {
                type_only,
                names,
                source,
            } => {
                let word = self.text(if *type_only { "export type " } else { "export " });
                let names = self.specifiers(names, true);
                let mut parts = vec![word, names];
                if let Some(source) = source {
                    parts.push(self.text(" from "));
                    parts.push(self.string(source));
                }
                let all = self.all(&parts);
                self.ended(all)
            }
            S::ExportAll {
                type_only,
                name,
                source,
            } => {
                let mut parts = vec![self.text(if *type_only { "export type *" } else { "export *" })];
                if let Some(name) = name {
                    parts.push(self.text(" as "));
                    parts.push(self.text(name));
                }
                parts.push(self.text(" from "));
                parts.push(self.string(source));
                let all = self.all(&parts);
                self.ended(all)
            }
            S::Export(inner) => self.behind("export ", inner),
            S::ExportDefault(inner) => self.behind("export default ", inner),
            S::Declare(inner) => self.behind("declare ", inner),
            S::Variables { kind, list } => {
                let doc = self.variables(kind, list, true);
                self.ended(doc)
            }
            S::Function(function) => self.function(function),
            S::Class(class) => self.class(class),
            S::Interface {
                name,
                parameters,
                extends,
                members,
            } => {
                let head = self.interface_head(name, parameters.as_ref(), extends);
                let members = self.members(members, true);
                self.all(&[head, Docs::SPACE, members])
            }
            S::Alias { name, parameters, ty } => self.alias(name, parameters.as_ref(), ty),
            S::Expression(expression) => {
                self.wrap(expression);
                let doc = self.expression(expression, Place::Statement);
                self.ended(doc)
            }
            S::Return(value) => self.given("return", value.as_ref()),
            S::Throw(value) => self.given("throw", Some(value)),
            S::If {
                test,
                then,
                otherwise,
            } => self.if_statement(test, then, otherwise.as_deref()),
            S::For {
                start,
                test,
                step,
                body,
            } => self.for_statement(start.as_deref(), test.as_ref(), step.as_ref(), body),
            S::ForEach {
                is_await,
                left,
                word,
                right,
                body,
            } => {
                let head = self.text(if *is_await { "for await (" } else { "for (" });
                let left = self.unended(left);
                let word = self.text(word);
                let right = self.expression(right, Place::Free);
                let close = self.text(")");
                let body = self.clause(body);
                self.docs
                    .group(&[head, left, Docs::SPACE, word, Docs::SPACE, right, close, body])
            }
            S::While { test, body } => {
                let test = self.in_head("while (", test);
                let body = self.clause(body);
                self.docs.group(&[test, body])
            }
            S::DoWhile { body, test } => {
                let word = self.text("do");
                let inner = self.clause(body);
                let head = self.docs.group(&[word, inner]);
                let gap = if matches!(**body, Statement::Block(_)) {
                    Docs::SPACE
                } else {
                    Docs::HARD
                };
                let test = self.in_head("while (", test);
                let all = self.all(&[head, gap, test]);
                self.ended(all)
            }
            S::Switch { value, cases } => self.switch(value, cases),
            S::Try {
                block,
                catch,
                finally,
            } => {
                let mut parts = vec![self.text("try ")];
                parts.push(self.block(block));
                if let Some((binding, block)) = catch {
                    parts.push(self.text(" catch "));
                    if let Some(binding) = binding {
                        let binding = self.binding(binding, true, false);
                        parts.push(self.between("(", binding, ") "));
                    }
                    parts.push(self.block(block));
                }
                if let Some(block) = finally {
                    parts.push(self.text(" finally "));
                    parts.push(self.block(block));
                }
                self.all(&parts)
            }
            S::Block(block) => self.block(block),
            S::Jump(word, label) => {
                let mut parts = vec![self.text(word)];
                if let Some(label) = label {
                    parts.push(Docs::SPACE);
                    parts.push(self.text(label));
                }
                let all = self.all(&parts);
                self.ended(all)
            }
            S::Empty => Docs::EMPTY,
        }
    }

    fn behind(&mut self, words: &'a str, inner: &'t Statement<'a>) -> Doc {
        let words = self.text(words);
        let inner = self.statement(inner);
        self.all(&[words, inner])
    }

    /// Notes that what a statement begins with needs brackets.
    fn wrap(&mut self, expression: &'t Expression<'a>) {
        let first = leftmost(expression);
        if matches!(
            first,
            Expression::Object(_) | Expression::Class(_) | Expression::Assign(_)
        ) {
            self.wrapped = Some(first);
        }
        if let Expression::Function(_) = first
            && !matches!(expression, Expression::Chain(chain)
                if matches!(chain.links.first(), Some(super::super::syntax::Link::Call { .. })))
        {
            self.wrapped = Some(first);
        }
    }

    fn import(
        &mut self,
        type_only: bool,
        default: Option<&'a str>,
        namespace: Option<&'a str>,
        names: Option<&'t Items<'a, Specifier<'a>>>,
        source: &'a str,
    ) -> Doc {
        let mut parts = vec![self.text(if type_only { "import type " } else { "import " })];
        let alone = default.is_none();
        let bare = alone && namespace.is_none() && names.is_none();
        if let Some(default) = default {
            parts.push(self.text(default));
            if namespace.is_some() || names.is_some() {
                parts.push(self.text(", "));
            }
        }
        if let Some(namespace) = namespace {
            parts.push(self.text("* as "));
            parts.push(self.text(namespace));
        }
        if let Some(names) = names {
            parts.push(self.specifiers(names, alone));
        }
        if !bare {
            parts.push(self.text(" from "));
        }
        parts.push(self.string(source));
        let all = self.all(&parts);
        self.ended(all)
    }

    fn specifiers(&mut self, names: &'t Items<'a, Specifier<'a>>, alone: bool) -> Doc {
        if names.all.is_empty() && names.rest.is_empty() {
            return self.text("{}");
        }
        let has_notes = names
            .all
            .iter()
            .any(|item| !item.lead.is_empty() || !item.trail.is_empty());
        let mut parts = self.separated(names, ",", |printer, name| {
            let mut parts = Vec::new();
            if name.type_only {
                parts.push(printer.text("type "));
            }
            parts.push(printer.text(name.name));
            if let Some(alias) = name.alias {
                parts.push(printer.text(" as "));
                parts.push(printer.text(alias));
            }
            printer.all(&parts)
        });
        if names.all.len() == 1 && !has_notes && alone {
            let only = self.all(&parts);
            return self.between("{ ", only, " }");
        }
        let comma = self.docs.trailing_comma();
        self.close(names, &mut parts, comma);
        let body = self.in_braces(&parts);
        self.docs.group(&[body])
    }

    fn variables(&mut self, kind: &'a str, list: &'t [Declarator<'a>], whole: bool) -> Doc {
        let kind = self.text(kind);
        let has_value = list.iter().any(|declarator| declarator.value.is_some());
        let mut docs = Vec::new();
        for declarator in list {
            docs.push(self.declared(&declarator.binding, declarator.value.as_ref()));
        }
        let comma = self.text(",");
        let (first, rest) = docs.split_at(1.min(docs.len()));
        let first = if rest.is_empty() {
            self.all(first)
        } else {
            self.docs.indent(first)
        };
        let mut parts = vec![kind, Docs::SPACE, first];
        for doc in rest {
            let line = if has_value && whole {
                Docs::HARD
            } else {
                Docs::LINE
            };
            parts.push(self.docs.indent(&[comma, line, *doc]));
        }
        self.docs.group(&parts)
    }

    /// A statement in the head of a `for`, without a `;`.
    fn unended(&mut self, statement: &'t Statement<'a>) -> Doc {
        match statement {
            Statement::Variables { kind, list } => self.variables(kind, list, false),
            Statement::Expression(expression) => self.expression(expression, Place::Loop),
            other => self.statement(other),
        }
    }

    fn interface_head(
        &mut self,
        name: &'a str,
        parameters: Option<&'t Items<'a, TypeParameter<'a>>>,
        extends: &'t [Type<'a>],
    ) -> Doc {
        let word = self.text("interface ");
        let name = self.text(name);
        let parameters = self.type_parameters(parameters);
        if extends.is_empty() {
            return self.all(&[word, name, parameters]);
        }
        let extends_word = self.text("extends ");
        let types: Vec<Doc> = extends.iter().map(|ty| self.ty(ty, TypePlace::Other)).collect();
        let comma = self.text(",");
        if let [only] = types.as_slice() {
            return self.all(&[word, name, parameters, Docs::SPACE, extends_word, *only]);
        }
        let joined = self.docs.join(&[comma, Docs::LINE], &types);
        let joined = self.docs.indent(&[joined]);
        let joined = self.docs.group(&[joined]);
        let clause = self.docs.indent(&[Docs::LINE, extends_word, joined]);
        self.docs.group(&[word, name, parameters, clause])
    }

    fn alias(
        &mut self,
        name: &'a str,
        parameters: Option<&'t Items<'a, TypeParameter<'a>>>,
        ty: &'t Type<'a>,
    ) -> Doc {
        let word = self.text("type ");
        let name = self.text(name);
        let complex = parameters.is_some_and(|items| {
            items.all.len() > 1
                && items
                    .all
                    .iter()
                    .any(|item| item.node.constraint.is_some() || item.node.default.is_some())
        });
        let parameters = self.type_parameters(parameters);
        let left = self.all(&[word, name, parameters]);
        let sign = self.text(" =");
        let layout = match ty {
            Type::Union(types) if !is_hugged_union(types) => Layout::BreakAfter,
            Type::Conditional(conditional)
                if matches!(conditional.check, Type::Reference(_, Some(_)))
                    || matches!(conditional.extends, Type::Reference(_, Some(_))) =>
            {
                Layout::BreakAfter
            }
            _ if complex => Layout::BreakLeft,
            _ => Layout::Fluid,
        };
        let place = if layout == Layout::BreakAfter {
            TypePlace::AliasBroken
        } else {
            TypePlace::Alias
        };
        let right = self.ty(ty, place);
        let doc = self.laid_out(layout, left, sign, right);
        self.ended(doc)
    }

    /// `return` or `throw` with a value.
    fn given(&mut self, word: &'a str, value: Option<&'t Expression<'a>>) -> Doc {
        let word = self.text(word);
        let Some(value) = value else {
            return self.ended(word);
        };
        let doc = self.expression(value, Place::Return);
        let body = if matches!(value, Expression::Binary(_) | Expression::Sequence(_)) {
            let open = self.text(" (");
            let close = self.text(")");
            let open = self.docs.if_break(open, Docs::SPACE, None);
            let close = self.docs.if_break(close, Docs::EMPTY, None);
            let inner = self.docs.indent(&[Docs::SOFT, doc]);
            self.docs.group(&[open, inner, Docs::SOFT, close])
        } else {
            self.all(&[Docs::SPACE, doc])
        };
        let all = self.all(&[word, body]);
        self.ended(all)
    }

    /// A word, and a condition in brackets.
    fn in_head(&mut self, word: &'a str, test: &'t Expression<'a>) -> Doc {
        let word = self.text(word);
        let test = self.expression(test, Place::Head);
        let close = self.text(")");
        let inner = self.docs.indent(&[Docs::SOFT, test]);
        let inner = self.docs.group(&[inner, Docs::SOFT]);
        self.all(&[word, inner, close])
    }

    /// What a condition or a loop leads to.
    fn clause(&mut self, body: &'t Statement<'a>) -> Doc {
        match body {
            Statement::Empty => self.text(";"),
            Statement::Block(block) => {
                let block = self.block(block);
                self.all(&[Docs::SPACE, block])
            }
            body => {
                let doc = self.statement(body);
                self.docs.indent(&[Docs::LINE, doc])
            }
        }
    }

    fn if_statement(
        &mut self,
        test: &'t Expression<'a>,
        then: &'t Statement<'a>,
        otherwise: Option<&'t Statement<'a>>,
    ) -> Doc {
        let head = self.in_head("if (", test);
        let body = self.clause(then);
        let mut parts = vec![self.docs.group(&[head, body])];
        if let Some(otherwise) = otherwise {
            parts.push(if matches!(then, Statement::Block(_)) {
                Docs::SPACE
            } else {
                Docs::HARD
            });
            parts.push(self.text("else"));
            let rest = if matches!(otherwise, Statement::If { .. }) {
                let inner = self.statement(otherwise);
                self.all(&[Docs::SPACE, inner])
            } else {
                self.clause(otherwise)
            };
            parts.push(self.docs.group(&[rest]));
        }
        self.all(&parts)
    }

    fn for_statement(
        &mut self,
        start: Option<&'t Statement<'a>>,
        test: Option<&'t Expression<'a>>,
        step: Option<&'t Expression<'a>>,
        body: &'t Statement<'a>,
    ) -> Doc {
        let clause = self.clause(body);
        if start.is_none() && test.is_none() && step.is_none() {
            let head = self.text("for (;;)");
            return self.docs.group(&[head, clause]);
        }
        let head = self.text("for (");
        let close = self.text(")");
        let end = self.text(";");
        let start = start.map_or(Docs::EMPTY, |start| self.unended(start));
        let test = test.map_or(Docs::EMPTY, |test| self.expression(test, Place::Free));
        let step = match step {
            Some(step) => {
                let step = self.expression(step, Place::Loop);
                self.all(&[Docs::LINE, step])
            }
            None => Docs::EMPTY,
        };
        let inner = self
            .docs
            .indent(&[Docs::SOFT, start, end, Docs::LINE, test, end, step]);
        let inner = self.docs.group(&[inner, Docs::SOFT]);
        self.docs.group(&[head, inner, close, clause])
    }

    fn switch(&mut self, value: &'t Expression<'a>, cases: &'t Items<'a, Case<'a>>) -> Doc {
        let word = self.text("switch (");
        let value = self.expression(value, Place::Head);
        let inner = self.docs.indent(&[Docs::SOFT, value]);
        let close = self.text(")");
        let head = self.docs.group(&[word, inner, Docs::SOFT, close]);
        let mut parts = Vec::new();
        let mut blank = false;
        for item in &cases.all {
            if !parts.is_empty() {
                parts.push(Docs::HARD);
                if blank {
                    parts.push(Docs::HARD);
                }
            }
            parts.extend(self.lead_notes(&item.lead));
            let label = match &item.node.test {
                Some(test) => {
                    let test = self.expression(test, Place::Free);
                    self.between("case ", test, ":")
                }
                None => self.text("default:"),
            };
            parts.push(label);
            parts.extend(self.trail_notes(&item.trail));
            parts.push(self.case_body(&item.node.body));
            blank = item.blank_after;
        }
        self.rest_notes(&cases.rest, &mut parts);
        let open = self.text(" {");
        let end = self.text("}");
        let body = if parts.is_empty() {
            Docs::EMPTY
        } else {
            let all = self.all(&parts);
            self.docs.indent(&[Docs::HARD, all])
        };
        self.all(&[head, open, body, Docs::HARD, end])
    }

    fn case_body(&mut self, body: &'t Block<'a>) -> Doc {
        match body.all.as_slice() {
            [] => Docs::EMPTY,
            [only] if matches!(only.node, Statement::Block(_)) && only.lead.is_empty() => {
                let block = self.lines(body);
                self.all(&[Docs::SPACE, block])
            }
            _ => {
                let lines = self.lines(body);
                self.docs.indent(&[Docs::HARD, lines])
            }
        }
    }
}
