//! `sealpulse check-config`.

use std::error::Error;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::CheckConfigOptions;
use crate::config::{self, ConfigError, Configuration, Problem};

/// Says what is wrong with a configuration; fails where something is.
pub(crate) fn check_config(options: &CheckConfigOptions) -> Result<ExitCode, Box<dyn Error>> {
    if options.template {
        print!("{}", config::template());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(path) = config::file(options.file.as_deref()) else {
        let places: Vec<String> = config::places().iter().map(|path| path.display().to_string()).collect();
        match options.json {
            true => println!("{}", json!({ "file": null, "ok": true, "problems": [] })),
            false => println!("there is no configuration ({}): the defaults hold", places.join(", ")),
        }
        return Ok(ExitCode::SUCCESS);
    };
    let problems = match Configuration::load(&path) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Problems { problems, .. }) if options.json => problems,
        Err(error) => return Err(error.into()),
    };
    let ok = problems.is_empty();
    if options.json {
        let problems: Vec<Value> = problems.iter().map(as_json).collect();
        println!("{}", json!({ "file": path, "ok": ok, "problems": problems }));
    } else {
        println!("{}: good", path.display());
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(problem: &Problem) -> Value {
    json!({ "line": problem.line, "column": problem.column, "message": problem.fault.to_string() })
}
