//! The tree of the subset of TypeScript that is laid out, with the comments that stand at the items of lists.
//!
//! Round brackets are not in it: they are put back where the meaning, or the layout, wants them.

use std::cell::Cell;

/// A comment at an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub(super) text: &'a str,
    /// A line ends behind it.
    pub(super) ends_line: bool,
    pub(super) blank_before: bool,
    pub(super) blank_after: bool,
}

/// An item of a list.
#[derive(Debug)]
pub(super) struct Item<'a, T> {
    /// Comments before it.
    pub(super) lead: Vec<Note<'a>>,
    pub(super) node: T,
    /// Comments behind it, on its line.
    pub(super) trail: Vec<Note<'a>>,
    /// An empty line follows.
    pub(super) blank_after: bool,
}

/// A list between brackets, or the statements of a file.
#[derive(Debug)]
pub(super) struct Items<'a, T> {
    pub(super) all: Vec<Item<'a, T>>,
    /// Comments behind the last item.
    pub(super) rest: Vec<Note<'a>>,
    /// The first item stands on a line of its own, or was found to do so once it was laid out.
    pub(super) opened: Cell<bool>,
}

pub(super) type Block<'a> = Items<'a, Statement<'a>>;

#[derive(Debug)]
pub(super) enum Statement<'a> {
    /// What is not understood stays as it is.
    Verbatim(&'a str),
    Import {
        type_only: bool,
        default: Option<&'a str>,
        namespace: Option<&'a str>,
        names: Option<Items<'a, Specifier<'a>>>,
        source: &'a str,
    },
    ExportNames {
        type_only: bool,
        names: Items<'a, Specifier<'a>>,
        source: Option<&'a str>,
    },
    ExportAll {
        type_only: bool,
        name: Option<&'a str>,
        source: &'a str,
    },
    Export(Box<Statement<'a>>),
    ExportDefault(Box<Statement<'a>>),
    Declare(Box<Statement<'a>>),
    Variables {
        kind: &'a str,
        list: Vec<Declarator<'a>>,
    },
    Function(Box<Function<'a>>),
    Class(Box<Class<'a>>),
    Interface {
        name: &'a str,
        parameters: Option<Items<'a, TypeParameter<'a>>>,
        extends: Vec<Type<'a>>,
        members: Items<'a, Member<'a>>,
    },
    Alias {
        name: &'a str,
        parameters: Option<Items<'a, TypeParameter<'a>>>,
        ty: Type<'a>,
    },
    Expression(Expression<'a>),
    Return(Option<Expression<'a>>),
    Throw(Expression<'a>),
    If {
        test: Expression<'a>,
        then: Box<Statement<'a>>,
        otherwise: Option<Box<Statement<'a>>>,
    },
    For {
        start: Option<Box<Statement<'a>>>,
        test: Option<Expression<'a>>,
        step: Option<Expression<'a>>,
        body: Box<Statement<'a>>,
    },
    ForEach {
        is_await: bool,
        left: Box<Statement<'a>>,
        word: &'a str,
        right: Expression<'a>,
        body: Box<Statement<'a>>,
    },
    While {
        test: Expression<'a>,
        body: Box<Statement<'a>>,
    },
    DoWhile {
        body: Box<Statement<'a>>,
        test: Expression<'a>,
    },
    Switch {
        value: Expression<'a>,
        cases: Items<'a, Case<'a>>,
    },
    Try {
        block: Block<'a>,
        catch: Option<(Option<Binding<'a>>, Block<'a>)>,
        finally: Option<Block<'a>>,
    },
    Block(Block<'a>),
    /// `break` or `continue`.
    Jump(&'a str, Option<&'a str>),
    Empty,
}

#[derive(Debug)]
pub(super) struct Specifier<'a> {
    pub(super) type_only: bool,
    pub(super) name: &'a str,
    pub(super) alias: Option<&'a str>,
}

#[derive(Debug)]
pub(super) struct Declarator<'a> {
    pub(super) binding: Binding<'a>,
    pub(super) value: Option<Expression<'a>>,
}

#[derive(Debug)]
pub(super) struct Case<'a> {
    /// Nothing for `default`.
    pub(super) test: Option<Expression<'a>>,
    pub(super) body: Block<'a>,
}

/// A pattern with its type.
#[derive(Debug)]
pub(super) struct Binding<'a> {
    pub(super) pattern: Pattern<'a>,
    /// `?` or `!`.
    pub(super) mark: Option<&'a str>,
    pub(super) ty: Option<Type<'a>>,
}

#[derive(Debug)]
pub(super) enum Pattern<'a> {
    Name(&'a str),
    Object(Items<'a, PatternProperty<'a>>),
    Array(Items<'a, Option<Parameter<'a>>>),
}

#[derive(Debug)]
pub(super) enum PatternProperty<'a> {
    Short(&'a str, Option<Expression<'a>>),
    Pair(Key<'a>, Pattern<'a>, Option<Expression<'a>>),
    Rest(&'a str),
}

#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) rest: bool,
    pub(super) binding: Binding<'a>,
    pub(super) default: Option<Expression<'a>>,
}

#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) type_parameters: Option<Items<'a, TypeParameter<'a>>>,
    pub(super) parameters: Items<'a, Parameter<'a>>,
    pub(super) returns: Option<Type<'a>>,
}

#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) is_async: bool,
    pub(super) is_generator: bool,
    pub(super) name: Option<&'a str>,
    pub(super) signature: Signature<'a>,
    pub(super) body: Option<Block<'a>>,
}

#[derive(Debug)]
pub(super) struct Arrow<'a> {
    pub(super) is_async: bool,
    pub(super) signature: Signature<'a>,
    pub(super) body: ArrowBody<'a>,
}

#[derive(Debug)]
pub(super) enum ArrowBody<'a> {
    Block(Block<'a>),
    Expression(Expression<'a>),
}

#[derive(Debug)]
pub(super) struct Class<'a> {
    pub(super) is_abstract: bool,
    pub(super) name: Option<&'a str>,
    pub(super) type_parameters: Option<Items<'a, TypeParameter<'a>>>,
    pub(super) extends: Option<(Expression<'a>, Option<Vec<Type<'a>>>)>,
    pub(super) implements: Vec<Type<'a>>,
    pub(super) members: Items<'a, ClassMember<'a>>,
}

#[derive(Debug)]
pub(super) struct ClassMember<'a> {
    /// `static`, `readonly` and such, in their order.
    pub(super) modifiers: Vec<&'a str>,
    pub(super) key: Key<'a>,
    pub(super) mark: Option<&'a str>,
    pub(super) kind: ClassMemberKind<'a>,
}

#[derive(Debug)]
pub(super) enum ClassMemberKind<'a> {
    Property {
        ty: Option<Type<'a>>,
        value: Option<Expression<'a>>,
    },
    Method(Function<'a>),
}

#[derive(Debug)]
pub(super) enum Key<'a> {
    Name(&'a str),
    String(&'a str),
    Number(&'a str),
    Computed(Expression<'a>),
}

#[derive(Debug)]
pub(super) enum Property<'a> {
    Short(&'a str),
    Pair(Key<'a>, Expression<'a>),
    Spread(Expression<'a>),
    /// With `get` or `set`.
    Method(Option<&'a str>, Key<'a>, Function<'a>),
}

#[derive(Debug)]
pub(super) enum Element<'a> {
    Hole,
    Value(Expression<'a>),
    Spread(Expression<'a>),
}

#[derive(Debug)]
pub(super) enum Expression<'a> {
    Name(&'a str),
    This,
    /// `true`, `false`, `null`, a number.
    Word(&'a str),
    Number(&'a str),
    String(&'a str),
    Regex(&'a str),
    Template {
        text: &'a str,
        /// Nothing but white space stands before it on its line.
        starts_line: bool,
    },
    Array(Items<'a, Element<'a>>),
    Object(Items<'a, Property<'a>>),
    Function(Box<Function<'a>>),
    Class(Box<Class<'a>>),
    Arrow(Box<Arrow<'a>>),
    Unary(&'a str, Box<Expression<'a>>),
    Update {
        operator: &'a str,
        is_prefix: bool,
        value: Box<Expression<'a>>,
    },
    Await(Box<Expression<'a>>),
    Yield(&'a str, Option<Box<Expression<'a>>>),
    Binary(Box<Binary<'a>>),
    Conditional(Box<Conditional<'a>>),
    Assign(Box<Assign<'a>>),
    Sequence(Vec<Expression<'a>>),
    /// With `as` or `satisfies`.
    Cast(Box<Expression<'a>>, &'a str, Box<Type<'a>>),
    Chain(Box<Chain<'a>>),
    New {
        callee: Box<Expression<'a>>,
        type_arguments: Option<Vec<Type<'a>>>,
        arguments: Items<'a, Element<'a>>,
    },
}

#[derive(Debug)]
pub(super) struct Binary<'a> {
    pub(super) left: Expression<'a>,
    pub(super) operator: &'a str,
    pub(super) right: Expression<'a>,
}

#[derive(Debug)]
pub(super) struct Conditional<'a> {
    pub(super) test: Expression<'a>,
    pub(super) then: Expression<'a>,
    pub(super) otherwise: Expression<'a>,
}

#[derive(Debug)]
pub(super) struct Assign<'a> {
    pub(super) left: Expression<'a>,
    pub(super) operator: &'a str,
    pub(super) right: Expression<'a>,
}

/// Members and calls behind a head.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) head: Expression<'a>,
    pub(super) links: Vec<Link<'a>>,
}

#[derive(Debug)]
pub(super) enum Link<'a> {
    Member {
        optional: bool,
        name: &'a str,
    },
    Index {
        optional: bool,
        index: Expression<'a>,
    },
    Call {
        optional: bool,
        type_arguments: Option<Vec<Type<'a>>>,
        arguments: Items<'a, Element<'a>>,
    },
    /// `!`.
    NonNull,
    Template {
        type_arguments: Option<Vec<Type<'a>>>,
        text: &'a str,
    },
}

#[derive(Debug)]
pub(super) struct TypeParameter<'a> {
    pub(super) is_const: bool,
    pub(super) name: &'a str,
    pub(super) constraint: Option<Type<'a>>,
    pub(super) default: Option<Type<'a>>,
}

#[derive(Debug)]
pub(super) enum Type<'a> {
    /// `string`, `void` and such.
    Keyword(&'a str),
    /// A name with dots.
    Reference(&'a str, Option<Vec<Type<'a>>>),
    Literal(&'a str),
    String(&'a str),
    Template(&'a str),
    Array(Box<Type<'a>>),
    Indexed(Box<Type<'a>>, Box<Type<'a>>),
    Union(Vec<Item<'a, Type<'a>>>),
    Intersection(Vec<Type<'a>>),
    Function {
        is_new: bool,
        signature: Box<Signature<'a>>,
    },
    Object(Items<'a, Member<'a>>),
    Mapped(Box<Mapped<'a>>),
    Tuple(Items<'a, TupleElement<'a>>),
    /// `typeof a.b`.
    Query(&'a str, Option<Vec<Type<'a>>>),
    /// `keyof`, `readonly`, `unique`.
    Operator(&'a str, Box<Type<'a>>),
    Conditional(Box<ConditionalType<'a>>),
    Infer(&'a str),
    /// `x is T`, `asserts x`, `asserts x is T`.
    Predicate {
        asserts: bool,
        name: &'a str,
        ty: Option<Box<Type<'a>>>,
    },
    Import(&'a str, Option<&'a str>, Option<Vec<Type<'a>>>),
}

#[derive(Debug)]
pub(super) struct ConditionalType<'a> {
    pub(super) check: Type<'a>,
    pub(super) extends: Type<'a>,
    pub(super) then: Type<'a>,
    pub(super) otherwise: Type<'a>,
}

#[derive(Debug)]
pub(super) struct Mapped<'a> {
    /// `readonly`, `+readonly`, `-readonly`.
    pub(super) readonly: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) keys: Type<'a>,
    pub(super) renamed: Option<Type<'a>>,
    /// `?`, `+?`, `-?`.
    pub(super) optional: Option<&'a str>,
    pub(super) ty: Option<Type<'a>>,
    pub(super) opened: Cell<bool>,
}

#[derive(Debug)]
pub(super) struct TupleElement<'a> {
    pub(super) rest: bool,
    pub(super) name: Option<&'a str>,
    pub(super) optional: bool,
    pub(super) ty: Type<'a>,
}

/// A member of an interface or of the type of an object.
#[derive(Debug)]
pub(super) enum Member<'a> {
    Property {
        readonly: bool,
        key: Key<'a>,
        optional: bool,
        ty: Option<Type<'a>>,
    },
    Method {
        /// `get` or `set`.
        word: Option<&'a str>,
        key: Key<'a>,
        optional: bool,
        signature: Signature<'a>,
    },
    /// `(…): T`, `new (…): T`.
    Call { is_new: bool, signature: Signature<'a> },
    Index {
        readonly: bool,
        name: &'a str,
        key: Type<'a>,
        ty: Type<'a>,
    },
}
