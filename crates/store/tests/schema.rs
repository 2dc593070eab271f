//! The two schemas are one: same files, same tables, same columns, types that mean the same.

use std::collections::BTreeMap;
use std::path::Path;

type Schema = BTreeMap<String, Vec<(String, String)>>;

fn read(database: &str) -> (Vec<String>, Schema) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(database);
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("migrations")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("name"))
        .collect();
    names.sort();
    let mut schema = Schema::new();
    for name in &names {
        let text = std::fs::read_to_string(folder.join(name)).expect("migration");
        collect(&text, &mut schema);
    }
    (names, schema)
}

fn collect(text: &str, schema: &mut Schema) {
    let mut table = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            table = rest.split([' ', '(']).next().map(str::to_owned);
        } else if let Some(dropped) = line.strip_prefix("DROP TABLE ") {
            schema.remove(dropped.trim_end_matches(';'));
        } else if let Some((table, column)) = added_column(line) {
            schema.entry(table).or_default().push(column);
        } else if line.starts_with(')') {
            table = None;
        } else if let Some(table) = &table {
            let mut words = line.split_whitespace();
            if let (Some(name), Some(kind)) = (words.next(), words.next())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            {
                let rest: Vec<_> = words.map(|word| word.trim_end_matches(',')).collect();
                let column = format!("{} {}", meaning(kind), rest.join(" "));
                schema
                    .entry(table.clone())
                    .or_default()
                    .push((name.to_owned(), column));
            }
        }
    }
}

/// The table and the column of an `ALTER TABLE t ADD COLUMN c TYPE ...;`.
fn added_column(line: &str) -> Option<(String, (String, String))> {
    let (table, column) = line.strip_prefix("ALTER TABLE ")?.split_once(" ADD COLUMN ")?;
    let mut words = column.trim_end_matches(';').splitn(3, ' ');
    let (name, kind, rest) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    Some((
        table.to_owned(),
        (
            name.to_owned(),
            format!("{} {}", meaning(kind), rest.replace("DEFAULT FALSE", "DEFAULT 0")),
        ),
    ))
}

fn meaning(kind: &str) -> &'static str {
    match kind.trim_end_matches(',') {
        "BLOB" | "UUID" | "BYTEA" => "bytes",
        "INTEGER" | "BIGINT" | "BOOLEAN" => "number",
        "TEXT" => "text",
        _ => "other",
    }
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite_files, sqlite) = read("sqlite");
    let (postgres_files, mut postgres) = read("postgres");
    assert_eq!(sqlite_files, postgres_files);
    // The one table that differs on purpose: full text search.
    postgres.remove("message_search");
    assert!(sqlite.len() > 15, "the schema was read");
    assert_eq!(sqlite, postgres);
}
