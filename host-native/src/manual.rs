//! `leader-elector man`: a page for each command. It says what `--help` says, under the headings that readers of manual
//! pages look for.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::Failure;

/// What a paragraph of a help text begins with, and its heading; other paragraphs are notes.
const HEADINGS: [(&str, &str); 3] = [("Exit codes: ", EXIT_STATUS), ("Signals: ", "SIGNALS"), ("Example", "EXAMPLES")];
const EXIT_STATUS: &str = "EXIT STATUS";
const NOTES: &str = "NOTES";
/// The order of man-pages(7).
const ORDER: [&str; 4] = [EXIT_STATUS, "SIGNALS", NOTES, "EXAMPLES"];

/// Writes the pages of a command and of all that are not hidden below it.
pub(crate) fn write(command: Command, directory: &Path) -> Result<(), Failure> {
    let command = whole(command);
    let pages = std::iter::once(&command).chain(command.get_subcommands().filter(|below| !below.is_hide_set()));
    let written = fs::create_dir_all(directory).and_then(|()| {
        pages.into_iter().try_for_each(|page| {
            let name = page.get_display_name().unwrap_or_else(|| page.get_name());
            fs::write(directory.join(format!("{name}.1")), text(page, &command)?)
        })
    });
    written.with_context(|| format!("directory is `{}`", directory.display())).map_err(Failure::Other)
}

/// The command with all that clap adds to it, but for `help`: each page is one.
fn whole(command: Command) -> Command {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    command
}

fn text(page: &Command, root: &Command) -> std::io::Result<Vec<u8>> {
    let man = Man::new(page.clone());
    // By hand: without a date, what follows it would move into its place.
    let (name, program) = (page.get_display_name().unwrap_or_else(|| page.get_name()), root.get_name());
    let version = root.get_version().unwrap_or_default();
    let mut text = format!(".TH {name} 1 \"\" \"{program} {version}\" \"User Commands\"\n").into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    text.write_all(&options(&man)?)?;
    let is_root = page.get_name() == root.get_name();
    if is_root {
        man.render_subcommands_section(&mut text)?;
    }
    let help = page.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    for heading in ORDER {
        section(&mut roff, heading, &help);
    }
    if !is_root {
        roff.control("SH", ["SEE ALSO"]).text([bold(root.get_name()), roman("(1)")]);
    }
    text.write_all(roff.render().as_bytes())?;
    Ok(text)
}

/// The options; those with a heading of their own stand below the others, as parts of one section.
fn options(man: &Man) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let (before, after) = text.split_once(".SH OPTIONS").unwrap_or(("", &text));
    Ok(format!("{before}.SH OPTIONS{}", after.replace(".SH ", ".SS ")).into_bytes())
}

/// The paragraphs of a help text that belong under a heading.
fn section(roff: &mut Roff, heading: &str, help: &str) {
    let mut begun = false;
    for paragraph in paragraphs(help) {
        let (said, rest) = HEADINGS
            .iter()
            .find_map(|(words, heading)| Some((*heading, paragraph.strip_prefix(words)?)))
            .unwrap_or((NOTES, paragraph));
        if said != heading {
            continue;
        }
        if begun {
            roff.control("PP", []);
        } else {
            roff.control("SH", [heading]);
            begun = true;
        }
        match said {
            EXIT_STATUS => codes(rest).into_iter().for_each(|(code, meaning)| {
                roff.control("TP", []).text([bold(code)]).text([roman(meaning)]);
            }),
            "EXAMPLES" => lines(roff, rest.split_once('\n').map_or("", |(_, lines)| lines)),
            _ => lines(roff, rest),
        }
    }
}

/// Blocks that stand together.
fn paragraphs(help: &str) -> impl Iterator<Item = &str> {
    help.split("\n\n").map(|text| text.trim_matches('\n')).filter(|text| !text.is_empty())
}

/// Indented lines stay as they are, the others flow.
fn lines(roff: &mut Roff, text: &str) {
    let mut verbatim = false;
    for line in text.lines() {
        if line.starts_with("  ") != verbatim {
            verbatim = !verbatim;
            if verbatim {
                roff.control("RS", ["4"]).control("nf", []);
            } else {
                roff.control("fi", []).control("RE", []);
            }
        }
        roff.text([roman(line.trim_start())]);
    }
    if verbatim {
        roff.control("fi", []).control("RE", []);
    }
}

/// `0 well, 1 failed (and why, 2 times)`: each number outside of brackets begins one.
fn codes(text: &str) -> Vec<(&str, String)> {
    let mut depth = 0_u32;
    let mut ends: Vec<usize> = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' | ';' if depth == 0 => ends.push(at),
            _ => {}
        }
    }
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut from = 0;
    for end in ends.into_iter().chain([text.len()]) {
        let part = text[from..end].trim();
        from = (end + 1).min(text.len());
        let number = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        let meaning = part[number..].trim().replace('\n', " ");
        match found.last_mut() {
            Some((_, last)) if number == 0 => {
                last.push_str("; ");
                last.push_str(&meaning);
            }
            _ => found.push((&part[..number], meaning)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn page(name: &str) -> String {
        let root = whole(Cli::command());
        let page = root.find_subcommand(name).unwrap_or(&root);
        String::from_utf8(text(page, &root).expect("written")).expect("UTF-8")
    }

    #[test]
    fn a_page_says_at_its_edges_what_it_is_of() {
        let version = env!("CARGO_PKG_VERSION");
        let title = format!(".TH leader-elector-run 1 \"\" \"leader-elector {version}\" \"User Commands\"\n");
        assert!(page("run").starts_with(&title), "{}", page("run"));
    }

    fn headings(page: &str) -> Vec<&str> {
        let headings = page.lines().filter_map(|line| line.strip_prefix(".SH "));
        headings.map(|heading| heading.trim_matches('"')).collect()
    }

    #[test]
    fn a_page_has_the_headings_of_manual_pages_in_their_order() {
        let first = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"];
        let run = [&first[..], &["EXIT STATUS", "SIGNALS", "NOTES", "EXAMPLES", "SEE ALSO"]].concat();
        assert_eq!(headings(&page("run")), run);
        let root = [&first[..], &["SUBCOMMANDS", "EXIT STATUS", "NOTES", "EXAMPLES"]].concat();
        assert_eq!(headings(&page("")), root);
    }

    #[test]
    fn every_command_tells_its_exit_codes_and_shows_an_example() {
        let root = whole(Cli::command());
        for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
            let page = page(command.get_name());
            let headings = headings(&page);
            assert!(["EXIT STATUS", "EXAMPLES"].iter().all(|it| headings.contains(it)), "{page}");
            let codes = page.split(".SH \"EXIT STATUS\"").nth(1).and_then(|rest| rest.split(".SH").next());
            let codes = codes.unwrap_or_else(|| panic!("{}: no exit codes: {page}", command.get_name()));
            assert!(codes.matches(".TP").count() >= 2 && codes.contains("\\fB0\\fR"), "{codes}");
            let examples = page.split(".SH EXAMPLES").nth(1).unwrap_or_default();
            assert!(
                examples.contains(&format!("\nleader\\-elector {}", command.get_name().replace('-', "\\-"))),
                "{page}"
            );
        }
    }

    #[test]
    fn each_exit_code_stands_alone() {
        let text = "0 well, 1 failed (status:\nnobody leads, 5 times), 130 or 143 a signal;\nelse the command's own";
        let is =
            ["0: well", "1: failed (status: nobody leads, 5 times)", "130: or 143 a signal; else the command's own"];
        let found: Vec<_> = codes(text).into_iter().map(|(code, meaning)| format!("{code}: {meaning}")).collect();
        assert_eq!(found, is);
    }
}
