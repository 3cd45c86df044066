//! How long programs take, by size, and what a megabyte of garbage costs: `cargo bench -p bonescript`, with `-- compile`
//! or `-- check` for one half of it.
//!
//! Each compilation is timed several times and the fastest counts, since other work on the machine only ever adds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::fmt::Write as _;
use std::time::Instant;

use bonescript::emit::{File, Target, emit};
use bonescript::{Level, check, format};

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| {
        let parts = ["compile", "check"];
        !asked.iter().any(|word| parts.contains(&word.as_str())) || asked.iter().any(|word| word == part)
    };
    if wanted("compile") {
        compilations();
    }
    if wanted("check") {
        texts();
    }
}

/// Whole compilations: from the text to the files of the project, and those to the disk.
fn compilations() {
    println!(
        "{:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "compilation", "bytes in", "bytes out", "files", "ms", "write ms", "target"
    );
    let shop = include_str!("../examples/shop.bone");
    compile("the shop, first", shop, 1);
    compile("the shop", shop, 30);
    compile("an ERP", include_str!("../examples/erp.bone"), 10);
    for (entities, times) in [(100, 10), (500, 3), (1000, 3), (2000, 2)] {
        compile(&format!("{entities} entities"), &program(entities), times);
    }
}

/// What checking and laying out cost, of programs and of what is none.
fn texts() {
    println!("{:<34} {:>9} {:>9} {:>9}", "text", "bytes", "check ms", "fmt ms");
    for entities in [10, 100, 500, 1000, 2000] {
        measure(&format!("{entities} entities"), &program(entities));
    }
    let shop = include_str!("../examples/shop.bone");
    measure("the shop", shop);
    for piece in [
        "{",
        "[",
        "(",
        "}",
        "a.b ",
        "$ ",
        "\"\\\"\n",
        "x: y, ",
        "-> a ",
        "| a ",
        "system S { entity A { owns: [",
        "entity A { ",
        "capability f(a: A) { requires: [a.b > ",
        "'",
        "/*",
        "1..",
        "é",
    ] {
        let text = piece.repeat(1024 * 1024 / piece.len());
        measure(&format!("1 MiB of {piece:?}"), &text);
    }
    let fields = format!(
        "system S {{ entity A {{ owns: [{}] }} }}",
        "a: uint, ".repeat(110_000)
    );
    measure("1 MiB of the same field", &fields);
    let lines = |of: &dyn Fn(usize) -> String| (0..16_000).map(of).collect::<String>();
    let ways = format!(
        "system S {{ entity A {{ {} }} entity B {{ {} }} }}",
        lines(&|at| format!("relation h{at}: has_many B\n")),
        lines(&|at| format!("relation b{at}: belongs_to A\n")),
    );
    measure("16,000 relations either way", &ways);
    let names: String = (0..60_000).fold(String::new(), |mut all, at| {
        let _ = write!(all, "f{at}: uint, ");
        all
    });
    measure(
        "60,000 fields",
        &format!("system S {{ entity A {{ owns: [{names}] }} }}"),
    );
    // What would cost the product of two kinds of declarations.
    many(
        "entities, unknown types",
        "entity E# { owns: [a: Unknown#] }",
        25_000,
    );
    many(
        "entities, policies",
        "entity E# {} policy p#_limits { access: [role#] }",
        18_000,
    );
    many(
        "entities, rows made",
        "entity E# { owns: [a: int] } capability c#() { effects: [a = 1, b = 1] }",
        14_000,
    );
    many(
        "unknown functions",
        "capability c#() { requires: [f#() > 1] returns: json }",
        18_000,
    );
    many(
        "calls of a long signature",
        "flow f# { step a: c(x) step b: c(x) }",
        24_000,
    );
    many("constraints of one entity", "", 0);
}

/// One declaration again and again, numbered.
fn many(name: &str, declaration: &str, times: usize) {
    let mut text = String::from("system S {\n");
    for at in 0..times {
        text.push_str(&declaration.replace('#', &at.to_string()));
        text.push('\n');
    }
    if times == 0 {
        let fields: Vec<String> = (0..20_000).map(|at| format!("f{at}: uint")).collect();
        let checks: Vec<String> = (0..20_000).map(|at| format!("f{at} > 0, f{at}.unique")).collect();
        let _ = write!(
            text,
            "entity A {{ owns: [{}] constraints: [{}] }}",
            fields.join(", "),
            checks.join(", ")
        );
    } else if declaration.contains("c(x)") {
        let parameters: Vec<String> = (0..20_000).map(|at| format!("p{at}: uint")).collect();
        let _ = write!(
            text,
            "capability c({}) {{ returns: json }}",
            parameters.join(", ")
        );
    }
    text.push('}');
    measure(name, &text);
}

fn measure(name: &str, text: &str) {
    let start = Instant::now();
    let analysis = check("bench.bone", text, Level::Strict);
    let checked = start.elapsed();
    let start = Instant::now();
    let _ = format("bench.bone", text);
    let formatted = start.elapsed();
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{name:<34} {:>9} {:>9.1} {:>9.1}  {} problems",
        text.len(),
        ms(checked),
        ms(formatted),
        analysis.diagnostics.len()
    );
}

/// So many entities, each with fields, constraints, states, an event and a capability.
fn program(entities: usize) -> String {
    let mut text = String::from("system Large {\n");
    for at in 0..entities {
        let _ = write!(
            text,
            "  entity Thing{at} {{
    owns: [name: string, amount: uint, price: uint, note: optional<string>]
    constraints: [name.length in 1..100, price > 0]
    states: open -> paid -> done
  }}
  event Moved{at} {{ payload: {{ thing_id: uuid, amount: uint }} }}
  capability move_{at}(thing: Thing{at}, amount: uint) {{
    requires: [thing.amount >= amount, thing.state == open]
    effects: [thing.amount -= amount, thing.state = paid]
    emits: Moved{at}
    sync: transactional
  }}
"
        );
    }
    text.push_str("}\n");
    text
}

fn compile(name: &str, text: &str, times: usize) {
    for target in Target::ALL {
        let mut fastest = f64::INFINITY;
        let mut files = Vec::new();
        for _ in 0..times {
            let start = Instant::now();
            let analysis = check("bench.bone", text, Level::Strict);
            let program = analysis.program.unwrap_or_default();
            files = program
                .systems
                .iter()
                .filter_map(|system| emit(system, *target, None).ok())
                .flat_map(|project| project.files)
                .collect();
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1000.0);
        }
        let written = write(&files) * 1000.0;
        println!(
            "{name:<16} {:>9} {:>9} {:>9} {fastest:>9.1} {written:>9.1} {:>7}",
            text.len(),
            files.iter().map(|file| file.text.len()).sum::<usize>(),
            files.len(),
            target.as_str()
        );
    }
}

/// Seconds that the files need to the disk, one after the other and without waiting for it.
fn write(files: &[File]) -> f64 {
    let folder = std::env::temp_dir().join(format!("bonescript-scale-{}", std::process::id()));
    let start = Instant::now();
    for file in files {
        let path = folder.join(&file.path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, &file.text));
        if let Err(error) = written {
            println!("{}: {error}", path.display());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let _ = std::fs::remove_dir_all(&folder);
    seconds
}
