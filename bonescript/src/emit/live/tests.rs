//! What the moving parts of small programs look like, and that what a program does not have is not there.

use super::super::{Project, Target, emit};
use crate::tests::file;
use crate::{Level, check};

fn project(body: &str) -> Project {
    let analysis = check("t.bone", &format!("system Small {{\n{body}\n}}"), Level::Strict);
    let problems: Vec<String> = analysis
        .diagnostics
        .iter()
        .map(|problem| problem.compact(&analysis.sources))
        .collect();
    assert!(analysis.program.is_some(), "{problems:#?}");
    emit(&analysis.program.unwrap().systems[0], Target::Sqlite, None).unwrap()
}

fn folder<'a>(project: &'a Project, folder: &str) -> Vec<&'a str> {
    let paths = project.files.iter().map(|file| file.path.as_str());
    paths.filter(|path| path.starts_with(folder)).collect()
}

const ACCOUNT: &str = r"
entity Account {
  owns: [name: string, secret: string @sensitive, coins: uint = 0]
  constraints: [name.unique]
  auth: jwt
}
";

#[test]
fn what_a_program_does_not_have_is_not_there() {
    let project = project("entity Plant { owns: [name: string] }");
    for absent in [
        "src/algorithms",
        "src/channels",
        "src/events",
        "src/flows",
        "src/pipelines",
        "src/caller.ts",
        "tests/algorithms",
    ] {
        assert_eq!(folder(&project, absent), Vec::<&str>::new());
    }
    insta::assert_snapshot!(file(&project, "src/live.ts"));
    insta::assert_snapshot!(folder(&project, "src/jobs").join("\n"), @"
    src/jobs/cron.ts
    src/jobs/housekeeping.ts
    src/jobs/scheduler.ts
    src/jobs/schedules.ts
    src/jobs/types.ts
    ");
}

#[test]
fn a_filter_holds_without_participants_too() {
    let project = project("channel news { filter: event.level > 3 }");
    let definitions = file(&project, "src/channels/definitions.ts");
    let (_, news) = definitions.split_once("participants: null").unwrap();
    assert!(news.contains("filters: true"), "{news}");
    assert!(news.contains("load: anyone((sent) => {"), "{news}");
}

#[test]
fn a_flow_gives_ids() {
    let project = project(
        "entity Plant { owns: [stock: uint] }
         capability take(plant: Plant) { effects: [plant.stock -= 1] }
         capability note(plant: Plant, other: uuid) { effects: [plant.stock += 1] }
         flow f { step a: take(plant) step b: note(plant, plant.id) }",
    );
    let flow = file(&project, "src/flows/f.ts");
    assert!(
        flow.contains("{ plant_id: inputs.plant, other: inputs.plant }"),
        "{flow}"
    );
}

#[test]
fn what_is_queued_asks_first_who_calls() {
    let body = |sync: &str| {
        format!(
            "{ACCOUNT} capability spend(account: Account, coins: uint) {{
               requires: [caller == account, account.coins >= coins]
               effects: [account.coins -= coins] sync: {sync} }}"
        )
    };
    let queued = project(&body("batch"));
    let (_, admit) = file(&queued, "src/capabilities/spend.ts")
        .split_once("  admit(")
        .unwrap();
    let (admit, perform) = admit.split_once("perform(").unwrap();
    // Who calls is asked at once and again; what may have changed until then is asked later only.
    assert!(
        admit.contains("authorize(") && perform.contains("authorize("),
        "{admit}{perform}"
    );
    assert!(
        !admit.contains("ensure(") && perform.contains("ensure("),
        "{admit}{perform}"
    );
    assert!(file(&queued, "src/capabilities/routes.ts").contains("await admitCaller("));
    let direct = project(&body("transactional"));
    for path in ["spend", "definition", "run", "routes"] {
        let text = file(&direct, &format!("src/capabilities/{path}.ts"));
        assert!(
            !text.contains("admitCaller") && !text.contains("  admit("),
            "{path}"
        );
    }
}

#[test]
fn events() {
    let project = project(
        r"
        entity Plant { owns: [name: string] }
        event Sold {
          payload: { plant_id: uuid, class: uint, at: optional<timestamp>, tags: list<string>, more: json }
          delivery: exactly_once
          ttl: 2h
        }
        event Seen { payload: {} }
        ",
    );
    insta::assert_snapshot!(file(&project, "src/events/events.ts"));
    insta::assert_snapshot!(file(&project, "src/events/handlers.ts"));
}

#[test]
fn channels() {
    let project = project(&format!(
        r"{ACCOUNT}
        capability greet(account: Account, word: string, secret: string) {{
          requires: [caller == account]
          effects: [account.coins += 1]
          sync: realtime
        }}
        capability count_up(by: uint) {{ sync: realtime }}
        channel lobby {{
          participants: set<Account>
          persistence: last_20
          max_size: 50
          filter: participant.coins > 5 or event.to == participant.id or participant == caller
        }}
        channel news {{ transport: sse ordering: total persistence: full }}
        "
    ));
    insta::assert_snapshot!(file(&project, "src/channels/definitions.ts"));
}

#[test]
fn flows() {
    let project = project(&format!(
        r"{ACCOUNT}
        entity Gift {{ owns: [size: uint] relation account: belongs_to Account }}
        extension_point tell(account: Account, size: uint) {{}}
        capability make(account: Account, size: uint) {{
          requires: [caller == account]
          effects: [account_id = account.id, size = size]
        }}
        capability drop(gift: Gift) {{ effects: [gift.size = 0] }}
        flow give {{
          step make: make(account, size * 2) compensate: drop(gift)
          step tell: tell(account, size)
          step drop: drop(gift)
        }}
        "
    ));
    insta::assert_snapshot!(file(&project, "src/flows/give.ts"));
    insta::assert_snapshot!(file(&project, "src/flows/index.ts"));
}

#[test]
fn pipelines() {
    let project = project(&format!(
        r"{ACCOUNT}
        extension_point rate(account: Account) {{ returns: float }}
        extension_point forget(account: Account, rating: float) {{}}
        capability add(account: Account, amount: uint) {{ requires: [caller == account] effects: [account.coins += amount] }}
        capability reward(account: Account) {{
          requires: [caller == account]
          pipeline: {{
            rate(account) as rating
            add(account, 5)
            on_error: compensate forget(account, rating)
          }}
          returns: json
        }}
        capability look(account: Account) {{
          requires: [caller == account]
          parallel: {{ rate(account) as first rate(account) as second on_error: ignore }}
        }}
        "
    ));
    insta::assert_snapshot!(file(&project, "src/capabilities/reward.ts"));
    insta::assert_snapshot!(file(&project, "src/capabilities/look.ts"));
}

#[test]
fn a_step_that_nobody_declares_is_a_file_of_the_user() {
    let project = project(&format!(
        r"{ACCOUNT}
        capability reward(account: Account) {{
          requires: [caller == account]
          pipeline: {{ weigh(account) as weight tell(account, weight) }}
        }}
        capability ranking(accounts: list<Account>) {{
          algorithm: rank_by using {{ items: accounts, score_fn: activity }}
          returns: list<Account>
        }}
        "
    ));
    insta::assert_snapshot!(file(&project, "src/extensions/types.ts"));
    insta::assert_snapshot!(file(&project, "src/extensions/tell.ts"));
    insta::assert_snapshot!(folder(&project, "src/extensions").join("\n"), @"
    src/extensions/activity.ts
    src/extensions/index.ts
    src/extensions/tell.ts
    src/extensions/types.ts
    src/extensions/unwritten.ts
    src/extensions/weigh.ts
    ");
}

#[test]
fn algorithms() {
    let project = project(&format!(
        r#"{ACCOUNT}
        extension_point score(item: json) {{ returns: float }}
        capability ranking(accounts: list<Account>) {{
          algorithm: rank_by using {{ items: accounts, score_fn: score, order: "desc" }}
          returns: list<Account>
        }}
        capability shares(items: list<Account>, workers: list<string>) {{ algorithm: round_robin }}
        capability where_is(items: list<uint>, target: uint) {{ algorithm: binary_search returns: int }}
        "#
    ));
    insta::assert_snapshot!(file(&project, "src/capabilities/ranking.ts"));
    insta::assert_snapshot!(file(&project, "src/capabilities/shares.ts"));
    insta::assert_snapshot!(folder(&project, "src/algorithms").join("\n"), @"
    src/algorithms/binary-search.ts
    src/algorithms/rank-by.ts
    src/algorithms/round-robin.ts
    src/algorithms/values.ts
    ");
}

#[test]
fn batch_and_retention() {
    let project = project(&format!(
        r"{ACCOUNT}
        capability add(account: Account) {{ requires: [caller == account] effects: [account.coins += 1] sync: batch }}
        store AccountStore {{ retention: 30d }}
        store SeenStore {{ schema: {{ what: string }} retention: 1h }}
        "
    ));
    insta::assert_snapshot!(file(&project, "src/jobs/housekeeping.ts"));
    insta::assert_snapshot!(file(&project, "src/live.ts"));
}
