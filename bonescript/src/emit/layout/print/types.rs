//! Types.

use super::super::document::{Doc, Docs};
use super::super::syntax::{
    ConditionalType, Item, Items, Key, Mapped, Member, TupleElement, Type, TypeParameter,
};
use super::Printer;

/// Where a type stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypePlace {
    Other,
    /// Behind `:`.
    Annotation,
    /// Behind `=` of an alias.
    Alias,
    /// Behind `=` of an alias, on a line of its own.
    AliasBroken,
    Argument,
    Tuple,
    /// The elements of an array, what `keyof` stands before.
    Operand,
    /// What is indexed.
    Object,
    Union,
    Intersection,
    Check,
    Extends,
    Branch,
}

fn is_nothing(ty: &Type<'_>) -> bool {
    matches!(ty, Type::Keyword("void" | "null"))
}

/// Whether a union is an object type, or a named one, or nothing: that stays on its line.
pub(super) fn is_hugged_union(types: &[Item<'_, Type<'_>>]) -> bool {
    if types
        .iter()
        .any(|item| !item.lead.is_empty() || !item.trail.is_empty())
    {
        return false;
    }
    let is_object = |ty: &Type<'_>| matches!(ty, Type::Object(_) | Type::Reference(..));
    let objects = types.iter().filter(|item| is_object(&item.node)).count();
    objects == 1
        && types
            .iter()
            .all(|item| is_object(&item.node) || is_nothing(&item.node))
}

/// Whether a lone type argument stays between its signs.
fn is_hugged(ty: &Type<'_>) -> bool {
    match ty {
        Type::Keyword(_)
        | Type::Reference(_, None)
        | Type::Literal(_)
        | Type::String(_)
        | Type::Template(_)
        | Type::Object(_)
        | Type::Mapped(_) => true,
        Type::Union(types) => is_hugged_union(types),
        _ => false,
    }
}

fn needs_brackets(ty: &Type<'_>, place: TypePlace) -> bool {
    use TypePlace as P;
    let operand = matches!(place, P::Operand | P::Object);
    match ty {
        Type::Conditional(_) => {
            operand || matches!(place, P::Union | P::Intersection | P::Check | P::Extends)
        }
        Type::Function { .. } => operand || matches!(place, P::Union | P::Intersection | P::Check),
        Type::Union(types) => operand || (matches!(place, P::Union | P::Intersection) && types.len() > 1),
        Type::Intersection(types) => operand || (place == P::Union && types.len() > 1),
        Type::Operator(..) | Type::Infer(_) => operand,
        Type::Query(..) => place == P::Object,
        _ => false,
    }
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn ty(&mut self, ty: &'t Type<'a>, place: TypePlace) -> Doc {
        let doc = self.bare_type(ty, place);
        if needs_brackets(ty, place) {
            self.between("(", doc, ")")
        } else {
            doc
        }
    }

    fn bare_type(&mut self, ty: &'t Type<'a>, place: TypePlace) -> Doc {
        match ty {
            Type::Keyword(text) | Type::Literal(text) => self.text(text),
            Type::String(text) => self.string(text),
            Type::Template(text) => self.docs.verbatim(text),
            Type::Reference(name, arguments) => {
                let name = self.text(name);
                let arguments = self.type_arguments(arguments.as_deref());
                self.all(&[name, arguments])
            }
            Type::Array(element) => {
                let element = self.ty(element, TypePlace::Operand);
                let brackets = self.text("[]");
                self.all(&[element, brackets])
            }
            Type::Indexed(object, index) => {
                let object = self.ty(object, TypePlace::Object);
                let index = self.ty(index, TypePlace::Other);
                let index = self.between("[", index, "]");
                self.all(&[object, index])
            }
            Type::Union(types) => self.union(types, place),
            Type::Intersection(types) => self.intersection(types),
            Type::Function { is_new, signature } => {
                let word = self.text(if *is_new { "new " } else { "" });
                let signature = self.signature(signature, " => ");
                self.docs.group(&[word, signature])
            }
            Type::Object(members) => self.members(members, false),
            Type::Mapped(mapped) => self.mapped(mapped),
            Type::Tuple(elements) => self.tuple(elements),
            Type::Query(name, arguments) => {
                let word = self.text("typeof ");
                let name = self.text(name);
                let arguments = self.type_arguments(arguments.as_deref());
                self.all(&[word, name, arguments])
            }
            Type::Operator(word, inner) => {
                let word = self.text(word);
                let inner = self.ty(inner, TypePlace::Operand);
                self.all(&[word, Docs::SPACE, inner])
            }
            Type::Conditional(conditional) => self.conditional_type(conditional, place),
            Type::Infer(name) => {
                let word = self.text("infer ");
                let name = self.text(name);
                self.all(&[word, name])
            }
            Type::Predicate { asserts, name, ty } => {
                let mut parts = Vec::new();
                if *asserts {
                    parts.push(self.text("asserts "));
                }
                parts.push(self.text(name));
                if let Some(ty) = ty {
                    parts.push(self.text(" is "));
                    parts.push(self.ty(ty, TypePlace::Other));
                }
                self.all(&parts)
            }
            Type::Import(source, name, arguments) => {
                let source = self.string(source);
                let mut parts = vec![self.between("import(", source, ")")];
                if let Some(name) = name {
                    parts.push(self.text("."));
                    parts.push(self.text(name));
                }
                parts.push(self.type_arguments(arguments.as_deref()));
                self.all(&parts)
            }
        }
    }

    fn union(&mut self, types: &'t [Item<'a, Type<'a>>], place: TypePlace) -> Doc {
        let hugged = is_hugged_union(types);
        let mut docs = Vec::with_capacity(types.len());
        for item in types {
            let doc = self.ty(&item.node, TypePlace::Union);
            let doc = if hugged { doc } else { self.docs.align(doc) };
            docs.push(self.noted(item, doc));
        }
        let bar = self.text("| ");
        if hugged {
            return self.docs.join(&[Docs::SPACE, bar], &docs);
        }
        let first_bar = self.docs.if_break(bar, Docs::EMPTY, None);
        let joined = self.docs.join(&[Docs::LINE, bar], &docs);
        let group = self.docs.group(&[first_bar, joined]);
        if needs_brackets_of_union(place) {
            let inner = self.docs.indent(&[Docs::SOFT, group]);
            return self.docs.group(&[inner, Docs::SOFT]);
        }
        match place {
            TypePlace::AliasBroken | TypePlace::Argument | TypePlace::Branch | TypePlace::Tuple => group,
            _ => {
                let inner = self.docs.indent(&[Docs::SOFT, group]);
                self.docs.group(&[inner])
            }
        }
    }

    fn intersection(&mut self, types: &'t [Type<'a>]) -> Doc {
        let is_object = |ty: &Type<'_>| matches!(ty, Type::Object(_) | Type::Mapped(_));
        let mut parts = Vec::new();
        let mut was_indented = false;
        let mut before_object: Option<bool> = None;
        for (index, ty) in types.iter().enumerate() {
            let doc = self.ty(ty, TypePlace::Intersection);
            let object = is_object(ty);
            match before_object {
                None => parts.push(doc),
                Some(was_object) => {
                    if !was_object && !object {
                        let sign = self.text(" &");
                        parts.push(self.docs.indent(&[sign, Docs::LINE, doc]));
                    } else if was_object && object {
                        let sign = self.text(" & ");
                        let doc = if was_indented {
                            self.docs.indent(&[doc])
                        } else {
                            doc
                        };
                        parts.push(self.all(&[sign, doc]));
                    } else {
                        if index > 1 {
                            was_indented = true;
                        }
                        let sign = self.text(" & ");
                        let doc = if index > 1 { self.docs.indent(&[doc]) } else { doc };
                        parts.push(self.all(&[sign, doc]));
                    }
                }
            }
            before_object = Some(object);
        }
        self.docs.group(&parts)
    }

    fn mapped(&mut self, mapped: &'t Mapped<'a>) -> Doc {
        let mut parts = Vec::new();
        if let Some(readonly) = mapped.readonly {
            parts.push(self.text(readonly));
            parts.push(Docs::SPACE);
        }
        let mut keys = vec![Docs::SOFT, self.text(mapped.name), self.text(" in ")];
        keys.push(self.ty(&mapped.keys, TypePlace::Other));
        if let Some(renamed) = &mapped.renamed {
            keys.push(self.text(" as "));
            keys.push(self.ty(renamed, TypePlace::Other));
        }
        let open = self.text("[");
        let close = self.text("]");
        let keys = self.docs.indent(&keys);
        parts.push(self.docs.group(&[open, keys, Docs::SOFT, close]));
        if let Some(optional) = mapped.optional {
            parts.push(self.text(optional));
        }
        if let Some(ty) = &mapped.ty {
            parts.push(self.text(": "));
            parts.push(self.ty(ty, TypePlace::Annotation));
        }
        let inside = self.all(&parts);
        let inside = self.docs.group(&[inside]);
        let semicolon = self.text(";");
        let end = self.docs.if_break(semicolon, Docs::EMPTY, None);
        let open = self.text("{");
        let close = self.text("}");
        let body = self.docs.indent(&[Docs::LINE, inside, end]);
        let id = self.watched(&mapped.opened);
        let parts = [open, body, Docs::LINE, close];
        self.docs.group_as(&parts, mapped.opened.get(), Some(id))
    }

    fn tuple(&mut self, elements: &'t Items<'a, TupleElement<'a>>) -> Doc {
        if elements.all.is_empty() {
            return self.text("[]");
        }
        let mut inner = vec![Docs::SOFT];
        inner.extend(self.separated(elements, ",", |printer, element| {
            let mut parts = Vec::new();
            if element.rest {
                parts.push(printer.text("..."));
            }
            if let Some(name) = element.name {
                parts.push(printer.text(name));
                parts.push(printer.text(if element.optional { "?: " } else { ": " }));
            }
            let marked = element.optional && element.name.is_none();
            let place = if marked {
                TypePlace::Operand
            } else {
                TypePlace::Tuple
            };
            parts.push(printer.ty(&element.ty, place));
            if element.optional && element.name.is_none() {
                parts.push(printer.text("?"));
            }
            printer.docs.group(&parts)
        }));
        inner.push(self.docs.trailing_comma());
        let open = self.text("[");
        let close = self.text("]");
        let body = self.docs.indent(&inner);
        self.docs.group(&[open, body, Docs::SOFT, close])
    }

    fn conditional_type(&mut self, conditional: &'t ConditionalType<'a>, place: TypePlace) -> Doc {
        let check = self.ty(&conditional.check, TypePlace::Check);
        let word = self.text(" extends ");
        let extends = self.ty(&conditional.extends, TypePlace::Extends);
        let test = self.all(&[check, word, extends]);
        let chained = place == TypePlace::Branch;
        let test = if chained { self.docs.align(test) } else { test };
        let question = self.text("? ");
        let colon = self.text(": ");
        let then = self.ty(&conditional.then, TypePlace::Branch);
        let then = self.docs.align(then);
        let otherwise = self.ty(&conditional.otherwise, TypePlace::Branch);
        let otherwise = self.docs.align(otherwise);
        let nested = matches!(conditional.then, Type::Conditional(_));
        let [open, close] = ["(", ")"].map(|sign| {
            let sign = self.text(if nested { sign } else { "" });
            self.docs.if_break(Docs::EMPTY, sign, None)
        });
        let branches = [
            Docs::LINE,
            question,
            open,
            then,
            close,
            Docs::LINE,
            colon,
            otherwise,
        ];
        if chained {
            let branches = self.all(&branches);
            return self.all(&[test, branches]);
        }
        let branches = self.docs.indent(&branches);
        self.docs.group(&[test, branches])
    }

    pub(super) fn type_arguments(&mut self, arguments: Option<&'t [Type<'a>]>) -> Doc {
        let Some(arguments) = arguments else {
            return Docs::EMPTY;
        };
        let docs: Vec<Doc> = arguments
            .iter()
            .map(|argument| self.ty(argument, TypePlace::Argument))
            .collect();
        let comma = self.text(",");
        if let [only] = arguments
            && is_hugged(only)
        {
            let inner = self.all(&docs);
            return self.between("<", inner, ">");
        }
        let joined = self.docs.join(&[comma, Docs::LINE], &docs);
        let open = self.text("<");
        let close = self.text(">");
        let body = self.docs.indent(&[Docs::SOFT, joined]);
        self.docs.group(&[open, body, Docs::SOFT, close])
    }

    pub(super) fn type_parameters(&mut self, parameters: Option<&'t Items<'a, TypeParameter<'a>>>) -> Doc {
        let Some(parameters) = parameters else {
            return Docs::EMPTY;
        };
        let mut inner = vec![Docs::SOFT];
        inner.extend(self.separated(parameters, ",", |printer, parameter| {
            let mut parts = Vec::new();
            if parameter.is_const {
                parts.push(printer.text("const "));
            }
            parts.push(printer.text(parameter.name));
            let sides = [(" extends", &parameter.constraint), (" =", &parameter.default)];
            for (word, ty) in sides {
                if let Some(ty) = ty {
                    let id = printer.docs.id();
                    parts.push(printer.text(word));
                    let line = printer.docs.indent(&[Docs::LINE]);
                    parts.push(printer.docs.group_as(&[line], false, Some(id)));
                    let ty = printer.ty(ty, TypePlace::Other);
                    parts.push(printer.docs.indent_if_break(ty, id));
                }
            }
            printer.docs.group(&parts)
        }));
        inner.push(self.docs.trailing_comma());
        let open = self.text("<");
        let close = self.text(">");
        let body = self.docs.indent(&inner);
        self.docs.group(&[open, body, Docs::SOFT, close])
    }

    /// The members of an interface, which are always broken, or of an object type.
    pub(super) fn members(&mut self, members: &'t Items<'a, Member<'a>>, is_interface: bool) -> Doc {
        let parts = self.separated(members, ";", Self::member);
        let semicolon = self.text(";");
        let last = self.docs.if_break(semicolon, Docs::EMPTY, None);
        self.braced(members, parts, last, is_interface)
    }

    /// The same without a group of their own.
    pub(super) fn members_in_braces(&mut self, members: &'t Items<'a, Member<'a>>) -> Doc {
        let mut parts = self.separated(members, ";", Self::member);
        let semicolon = self.text(";");
        let last = self.docs.if_break(semicolon, Docs::EMPTY, None);
        self.close(members, &mut parts, last);
        self.in_braces(&parts)
    }

    fn member(&mut self, member: &'t Member<'a>) -> Doc {
        let mut parts = Vec::new();
        match member {
            Member::Property {
                readonly,
                key,
                optional,
                ty,
            } => {
                if *readonly {
                    parts.push(self.text("readonly "));
                }
                parts.push(self.member_key(key, *optional));
                if let Some(ty) = ty {
                    parts.push(self.text(": "));
                    parts.push(self.ty(ty, TypePlace::Annotation));
                }
            }
            Member::Method {
                word,
                key,
                optional,
                signature,
            } => {
                if let Some(word) = word {
                    parts.push(self.text(word));
                    parts.push(Docs::SPACE);
                }
                parts.push(self.member_key(key, *optional));
                parts.push(self.signature(signature, ": "));
            }
            Member::Call { is_new, signature } => {
                parts.push(self.text(if *is_new { "new " } else { "" }));
                parts.push(self.signature(signature, ": "));
            }
            Member::Index {
                readonly,
                name,
                key,
                ty,
            } => {
                if *readonly {
                    parts.push(self.text("readonly "));
                }
                parts.push(self.text("["));
                parts.push(self.text(name));
                parts.push(self.text(": "));
                parts.push(self.ty(key, TypePlace::Other));
                parts.push(self.text("]: "));
                parts.push(self.ty(ty, TypePlace::Annotation));
            }
        }
        self.docs.group(&parts)
    }

    fn member_key(&mut self, key: &'t Key<'a>, optional: bool) -> Doc {
        let key = self.key(key, true);
        let mark = self.text(if optional { "?" } else { "" });
        self.all(&[key, mark])
    }
}

/// Whether a union stands in brackets of its own.
fn needs_brackets_of_union(place: TypePlace) -> bool {
    use TypePlace as P;
    matches!(place, P::Operand | P::Object | P::Union | P::Intersection)
}
