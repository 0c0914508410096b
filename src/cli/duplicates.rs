//! `omc duplicates`: registrants who share a token.

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::table;
use crate::app;
use crate::config::Config;
use crate::domain::duplicate::Duplicates;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print CSV: one line for each registrant.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) async fn run(config: Config, arguments: &Arguments, json: bool) -> anyhow::Result<Exit> {
    let groups = app::duplicates::look(&config).await?;
    if json {
        println!("{}", json!({ "duplicates": groups }));
    } else if arguments.csv {
        print!("{}", csv(&groups));
    } else if groups.is_empty() {
        println!("no registrants share a token");
    } else {
        print!("{}", text(&groups));
    }
    Ok(Exit::Done)
}

/// Nothing of it needs quoting.
fn csv(groups: &[Duplicates]) -> String {
    let line = |group: &Duplicates, registrant| format!("{},{},{registrant}\n", group.group, group.token_type);
    let lines = groups.iter().flat_map(|group| group.registrants.iter().map(move |registrant| line(group, registrant)));
    std::iter::once("group,token_type,registrant\n".to_owned()).chain(lines).collect()
}

fn text(groups: &[Duplicates]) -> String {
    let registrants = |group: &Duplicates| group.registrants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| vec![group.group.clone(), group.token_type.to_string(), registrants(group).join(" ")])
        .collect();
    let people: usize = groups.iter().map(|group| group.registrants.len()).sum();
    let total = format!("{people} registrants in {} groups, each of one person to MOSIP\n", groups.len());
    table::lines(&["GROUP", "TOKEN TYPE", "REGISTRANTS"], &rows) + &total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{IdTypeId, RegistrantId};

    fn groups() -> Vec<Duplicates> {
        let group = |group: &str, registrants: &[u32]| Duplicates {
            token_type: IdTypeId(3),
            group: group.to_owned(),
            registrants: registrants.iter().copied().map(RegistrantId).collect(),
        };
        vec![group("0a1b2c3d4e5f", &[7, 19]), group("ff0000000001", &[8, 21, 40])]
    }

    #[test]
    fn csv_has_a_line_for_each_registrant() {
        let expected = "group,token_type,registrant\n0a1b2c3d4e5f,3,7\n0a1b2c3d4e5f,3,19\n";
        assert_eq!(csv(&groups()[..1]), expected);
        assert_eq!(csv(&[]), "group,token_type,registrant\n", "a reader of the file finds its columns");
    }

    #[test]
    fn text_tells_how_many_there_are() {
        let text = text(&groups());
        assert!(text.contains("ff0000000001  3           8 21 40\n"), "{text}");
        assert!(text.ends_with("5 registrants in 2 groups, each of one person to MOSIP\n"), "{text}");
    }
}
