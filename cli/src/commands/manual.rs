//! `completions` and `man`: made from the definition of the command line, so that they say what `--help` says.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use serde_json::json;

use crate::Outcome;
use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::error::CliError;
use crate::files::Destination;
use crate::output::Output;

const NAME: &str = "winterforge";

pub(crate) fn completions(
    arguments: &CompletionsArguments,
    output: &Output,
) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        NAME,
        &mut script,
    );
    let script = text(script)?;
    let object = json!({ "shell": arguments.shell.to_string(), "script": script });
    output.result(&object, || script.trim_end().to_owned())?;
    Ok(Outcome::Done)
}

pub(crate) fn man(arguments: &ManArguments, output: &Output) -> Result<Outcome, CliError> {
    let mut command = Arguments::command();
    // Adds `help`, and the flags that all commands share to each.
    command.build();
    let Some(folder) = &arguments.output else {
        let page = text(page(command)?)?;
        output.result(&json!({ "page": page }), || page.trim_end().to_owned())?;
        return Ok(Outcome::Done);
    };
    let mut files = vec![write(folder, &format!("{NAME}.1"), command.clone())?];
    for subcommand in command.get_subcommands() {
        if subcommand.get_name() == "help" {
            continue;
        }
        let file = format!("{NAME}-{}.1", subcommand.get_name());
        files.push(write(folder, &file, subcommand.clone())?);
    }
    output.result(&json!({ "files": files }), || files.join("\n"))?;
    Ok(Outcome::Done)
}

fn write(folder: &Path, file: &str, command: Command) -> Result<String, CliError> {
    let path = folder.join(file);
    Destination::new(&path, &[])?.write(&page(command)?)?;
    Ok(path.display().to_string())
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error: io::Error| CliError::input(format!("the page: {error}")))?;
    Ok(page)
}

fn text(bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes).map_err(|error| CliError::input(format!("what was made: {error}")))
}
