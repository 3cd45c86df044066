//! BoneScript programs on the command line: `bone check`, `bone fmt`, `bone explain`; below, what is written.

mod compile;
mod kind;

use crate::support::Sandbox;

const SHOP: &str = include_str!("../bonescript/examples/shop.bone");

/// A program with two mistakes that have nothing to do with each other.
const WRONG: &str = "system Shop {
  entity Plant { owns: [name: strng, stock: uint] }
  capability sell(plant: Plant) { effects: [plant.stok -= 1] }
}
";

#[test]
fn a_right_program_is_said_to_be() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", SHOP);
    sandbox
        .run(["bone", "check", "shop.bone"])
        .exits(0)
        .says("1 program is right");
}

#[test]
fn problems_are_drawn_for_people() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", WRONG);
    let output = sandbox.run(["bone", "check", "shop.bone"]).exits(2);
    assert_eq!(output.stdout, "");
    insta::assert_snapshot!(output.stderr);
}

#[test]
fn problems_are_one_line_each_for_models() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", WRONG);
    let output = sandbox
        .run(["bone", "check", "--format", "compact", "shop.bone"])
        .exits(2);
    insta::assert_snapshot!(output.stdout, @r"
    shop.bone:2:31: error[B0204]: there is no type `strng`; expected `string`, `uint`, `int`, `float`, `bool`, `timestamp`, `uuid`, `bytes`, `json`, `Plant`, `list`, `set` and 3 more; fix: write `string` instead of `strng`
    shop.bone:3:51: error[B0203]: entity `Plant` has no field `stok`; expected `id`, `name`, `stock`, `created_at` or `updated_at`; fix: write `stock` instead of `stok`
    ");
    assert_eq!(output.stderr, "");
}

#[test]
fn problems_are_objects_for_programs() {
    let sandbox = Sandbox::new();
    sandbox.write("shop.bone", WRONG);
    let found = sandbox
        .run(["bone", "check", "--format", "json", "shop.bone"])
        .exits(2)
        .json();
    assert_eq!(found[1]["code"], "B0203");
    assert_eq!((&found[1]["line"], &found[1]["column"]), (&3.into(), &51.into()));
    assert_eq!(found[1]["fix"]["replacement"], "stock");
    assert_eq!(found[1]["way_out"], "write `stock` instead of `stok`");
}

#[test]
fn what_is_imported_is_read_from_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("app/main.bone", "system S { import User from \"../shared/users.bone\" entity Post { relation author: belongs_to User } }");
    sandbox.write(
        "shared/users.bone",
        "system Users { entity User { owns: [name: string] } }",
    );
    sandbox.run(["bone", "check", "app/main.bone"]).exits(0);
    sandbox.write(
        "shared/users.bone",
        "system Users { entity User { owns: [name: strng] } }",
    );
    sandbox
        .run(["bone", "check", "app/main.bone"])
        .exits(2)
        .says("app/../shared/users.bone:1:43");
}

#[test]
fn what_still_has_a_meaning_passes_with_a_warning_and_is_an_error_where_asked() {
    let sandbox = Sandbox::new();
    let program = |call: &str| {
        format!(
            "system S {{ extension_point hazard(a: A) {{ returns: float }} entity A {{ owns: [n: uint] }} event Done {{ payload: {{ a_id: uuid, why: string }} }} \
             capability f(a: A) {{ requires: [{call}(a) > 0.5] effects: [a.n += 1] emits: Done }} }}"
        )
    };
    sandbox.write("a.bone", &program("risk"));
    sandbox
        .run(["bone", "check", "a.bone"])
        .exits(0)
        .says("warning[B0208]: there is no function `risk`: it is an extension point that you write")
        .says("warning[B0404]: nothing fills `why` of `Done`: it is null");
    sandbox
        .run(["bone", "compile", "a.bone", "--out", "server", "--strict"])
        .exits(2)
        .says("error[B0208]: there is no function `risk`\n")
        .says("error[B0404]");
    assert!(!sandbox.has("server"));
    // A slip is no wish.
    sandbox.write("a.bone", &program("hazzard"));
    sandbox
        .run(["bone", "check", "a.bone"])
        .exits(2)
        .says("did you mean `hazard`?");
}

#[test]
fn fmt_lays_out_in_place_and_only_once() {
    let sandbox = Sandbox::new();
    sandbox.write("a.bone", "system S{entity A{owns:[n:uint] // why\n}}");
    sandbox.run(["bone", "fmt", "--check", "a.bone"]).exits(2);
    sandbox.run(["bone", "fmt", "a.bone"]).exits(0);
    let once = sandbox.read("a.bone");
    assert_eq!(
        once,
        "system S {\n  entity A {\n    owns: [n: uint] // why\n  }\n}\n"
    );
    sandbox.run(["bone", "fmt", "--check", "a.bone"]).exits(0);
    sandbox.write("b.bone", "system S { entity A { owns: [n uint] } }");
    sandbox.run(["bone", "fmt", "b.bone"]).exits(2).says("B0106");
    assert_eq!(sandbox.read("b.bone"), "system S { entity A { owns: [n uint] } }");
}

#[test]
fn codes_are_explained() {
    let sandbox = Sandbox::new();
    for command in [vec!["explain", "B0203"], vec!["bone", "explain", "b0203"]] {
        let page = sandbox.run(command).exits(0).stdout;
        assert!(page.starts_with("# B0203: no such field"), "{page}");
    }
    let all = sandbox.run(["explain"]).exits(0).stdout;
    assert!(all.contains("\nE0201: ") && all.contains("\nB0901: "), "{all}");
}

#[test]
fn what_can_not_be_read_is_said() {
    let sandbox = Sandbox::new();
    sandbox
        .run(["bone", "check", "nowhere.bone"])
        .exits(2)
        .says("`nowhere.bone` can't be read");
    sandbox.write("bad.bone", "");
    std::fs::write(sandbox.path().join("bad.bone"), b"system \xff").unwrap();
    sandbox
        .run(["bone", "check", "bad.bone"])
        .exits(2)
        .says("it is not UTF-8");
    for format in ["compact", "json"] {
        let told = sandbox.run(["bone", "check", "--format", format, "bad.bone", "nowhere.bone"]);
        let told = told.exits(2).stdout;
        let found = ["B0503", "it is not UTF-8", "nowhere.bone"];
        assert!(found.iter().all(|part| told.contains(part)), "{told}");
    }
}

#[test]
fn a_megabyte_of_garbage_is_soon_refused() {
    let sandbox = Sandbox::new();
    for piece in [
        "{[(",
        "a.b ",
        "$ ",
        "system S { entity A { owns: [",
        "\"",
        "x: y, ",
    ] {
        sandbox.write("garbage.bone", &piece.repeat(1024 * 1024 / piece.len()));
        sandbox.run(["bone", "check", "garbage.bone"]).exits(2);
    }
}
