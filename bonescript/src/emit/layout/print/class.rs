//! Classes.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Class, ClassMember, ClassMemberKind};
use super::Printer;
use super::place::Place;
use super::types::TypePlace;

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn class(&mut self, class: &'t Class<'a>) -> Doc {
        let mut parts = Vec::new();
        parts.push(self.text(if class.is_abstract {
            "abstract class"
        } else {
            "class"
        }));
        let mut name_parts = Vec::new();
        if let Some(name) = class.name {
            name_parts.push(Docs::SPACE);
            name_parts.push(self.text(name));
        }
        name_parts.push(self.type_parameters(class.type_parameters.as_ref()));
        let grouped = !class.implements.is_empty();
        let mut heritage = Vec::new();
        if let Some((parent, arguments)) = &class.extends {
            let word = self.text("extends ");
            let parent = self.expression(parent, Place::NewCallee);
            let arguments = self.type_arguments(arguments.as_deref());
            let clause = self.all(&[word, parent, arguments]);
            heritage.push(if grouped { Docs::LINE } else { Docs::SPACE });
            heritage.push(if grouped {
                self.docs.group(&[clause])
            } else {
                clause
            });
        }
        if grouped {
            heritage.push(Docs::LINE);
            heritage.push(self.text("implements"));
            let types: Vec<Doc> = class
                .implements
                .iter()
                .map(|ty| self.ty(ty, TypePlace::Other))
                .collect();
            let comma = self.text(",");
            let joined = self.docs.join(&[comma, Docs::LINE], &types);
            let inner = self.docs.indent(&[Docs::LINE, joined]);
            heritage.push(self.docs.group(&[inner]));
        }
        if grouped {
            let id = self.docs.id();
            let heritage = self.docs.indent(&heritage);
            name_parts.push(heritage);
            parts.push(self.docs.group_as(&name_parts, false, Some(id)));
            let gap = if class.members.all.is_empty() {
                Docs::SPACE
            } else {
                self.docs.if_break(Docs::HARD, Docs::SPACE, Some(id))
            };
            parts.push(gap);
        } else {
            parts.extend(name_parts);
            parts.extend(heritage);
            parts.push(Docs::SPACE);
        }
        parts.push(self.class_body(class));
        self.all(&parts)
    }

    fn class_body(&mut self, class: &'t Class<'a>) -> Doc {
        let members = &class.members;
        if members.all.is_empty() && members.rest.is_empty() {
            return self.text("{}");
        }
        let mut parts = Vec::new();
        let mut blank = false;
        for item in &members.all {
            if !parts.is_empty() {
                parts.push(Docs::HARD);
                if blank {
                    parts.push(Docs::HARD);
                }
            }
            let doc = self.class_member(&item.node);
            parts.push(self.noted(item, doc));
            blank = item.blank_after;
        }
        self.rest_notes(&members.rest, &mut parts);
        let body = self.all(&parts);
        let inner = self.docs.indent(&[Docs::HARD, body]);
        let closed = self.all(&[inner, Docs::HARD]);
        self.between("{", closed, "}")
    }

    fn class_member(&mut self, member: &'t ClassMember<'a>) -> Doc {
        let mut parts = Vec::new();
        for modifier in &member.modifiers {
            parts.push(self.text(modifier));
            parts.push(Docs::SPACE);
        }
        match &member.kind {
            ClassMemberKind::Method(function) => {
                if function.is_async {
                    parts.push(self.text("async "));
                }
                if function.is_generator {
                    parts.push(self.text("*"));
                }
                parts.push(self.key(&member.key, true));
                if let Some(mark) = member.mark {
                    parts.push(self.text(mark));
                }
                parts.push(self.method(function));
                self.all(&parts)
            }
            ClassMemberKind::Property { ty, value } => {
                parts.push(self.key(&member.key, false));
                if let Some(mark) = member.mark {
                    parts.push(self.text(mark));
                }
                if let Some(ty) = ty {
                    parts.push(self.text(": "));
                    parts.push(self.ty(ty, TypePlace::Annotation));
                }
                let left = self.all(&parts);
                let whole = match value {
                    Some(value) => self.assigned(left, " =", value, false, false),
                    None => left,
                };
                let end = self.text(";");
                self.all(&[whole, end])
            }
        }
    }
}
