//! What the server of small programs looks like, and who may do what.

use super::rules::Rules;
use crate::emit::{Target, emit};
use crate::ir::{self, EntityId};
use crate::{Level, check};

fn system(body: &str) -> ir::System {
    let analysis = check("t.bone", &format!("system Small {{\n{body}\n}}"), Level::Strict);
    assert!(analysis.program.is_some(), "{:#?}", analysis.diagnostics);
    analysis.program.unwrap().systems.remove(0)
}

fn file(body: &str, path: &str) -> String {
    let project = emit(&system(body), Target::Postgres, None).unwrap();
    crate::tests::file(&project, path).to_owned()
}

const BANK: &str = r#"
  entity User { owns: [email: string, password_hash: string @sensitive, role: string = "none", balance: uint = 0] constraints: [email.unique] auth: jwt }
  entity Account { owns: [label: string, funds: uint, limits: map<string, uint>, tags: set<string>, log: list<string>, meta: json]
    states: open ->(funds == 0) closed relation user: belongs_to User derived rich: funds > 1000 }
  entity Entry { owns: [amount: uint, note: optional<string>, kind: string, extra: list<uint>] relation account: belongs_to Account }
  entity Country { owns: [code: string] }
  event Moved { payload: { from_id: uuid, amount: uint, moved_at: timestamp } }
  capability transfer(from: Account, to: Account, amount: uint) {
    requires: [caller == from.user, from != to, from.funds >= amount]
    effects: [from.funds -= amount, to.funds += amount, from.user.balance += 1]
    emits: Moved(from.id, amount)
  }
  capability book(account: Account, amount: uint) {
    requires: [caller == account.user]
    effects: [amount = amount, kind = "booking", account_id = account]
    returns: Entry
  }
  capability tidy(account: Account, class: string, accounts: list<Account>) {
    effects: [account.limits.day = 5, account.limits.week += 1, account.tags += class, account.tags -= "old",
              account.log <<= class, account.meta.a.b = 1, account.meta.n += 2, account.state = closed, accounts.label = class]
  }
  policy country_reading { access: [user] }
"#;

#[test]
fn rows_are_locked_and_written_back() {
    insta::assert_snapshot!(file(BANK, "src/capabilities/transfer.ts"));
}

#[test]
fn a_row_is_made() {
    insta::assert_snapshot!(file(BANK, "src/capabilities/book.ts"));
}

#[test]
fn every_kind_of_effect() {
    insta::assert_snapshot!(file(BANK, "src/capabilities/tidy.ts"));
}

#[test]
fn an_entity_says_what_its_routes_need() {
    insta::assert_snapshot!(file(BANK, "src/entities/accounts.ts"));
    insta::assert_snapshot!(file(BANK, "src/schemas/users.ts"));
}

#[test]
fn who_may_do_what() {
    let system = system(BANK);
    let rules = Rules::of(&system);
    let of = |at: usize| rules.entity(EntityId(at)).unwrap();
    let user = of(0);
    // Neither the hash, nor the role, nor what effects write.
    assert_eq!(user.create, [("email".to_owned(), true)]);
    assert_eq!(user.update, ["email"]);
    let login = user.login.as_ref().unwrap();
    assert_eq!(
        (login.identifier.as_str(), login.secret.as_deref(), login.open),
        ("email", Some("password_hash"), true)
    );
    // A first value may be given where there is no default; afterwards effects write it.
    assert!(
        of(1)
            .create
            .iter()
            .any(|(name, needed)| name == "funds" && *needed)
    );
    assert!(!of(1).update.iter().any(|name| name == "funds"));
    // The caller is the owner where the body names none.
    assert!(of(1).create.contains(&("user_id".to_owned(), false)));
    let entry = of(2);
    assert!(!entry.creatable && entry.made_by == ["book"]);
    assert_eq!(entry.owner.as_ref().unwrap().steps.len(), 2);
    assert!(entry.readers.is_none() && entry.writers.is_empty());
    let country = of(3);
    assert!(country.owner.is_none());
    assert_eq!(country.readers.as_deref(), Some(&["User".to_owned()][..]));
    assert_eq!(country.writers, ["User"]);
}

#[test]
fn a_key_is_made_by_whom_its_rows_belong_to() {
    let system = system(
        "entity Operator { owns: [name: string] auth: jwt }
         entity Site { owns: [name: string] relation operator: belongs_to Operator }
         entity Device { owns: [key: bytes @sensitive] auth: apikey relation site: belongs_to Site }
         entity Robot { owns: [label: string] auth: apikey }",
    );
    let rules = Rules::of(&system);
    let device = rules.entity(EntityId(2)).unwrap().login.as_ref().unwrap();
    assert!(!device.open);
    assert_eq!(device.sponsor.as_ref().unwrap().steps.len(), 2);
    assert!(rules.entity(EntityId(3)).unwrap().login.as_ref().unwrap().open);
}
