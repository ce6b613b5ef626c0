//! `completions` and `man`.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Scratch, json, winterforge};

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = winterforge(&["completions", shell]);
        assert_eq!(ran.code, 0, "{ran:?}");
        // Not every shell is told the values that a flag takes.
        let values = ["bash", "fish", "zsh"]
            .contains(&shell)
            .then_some("poseidon2");
        for word in ["winterforge", "require-signature", "lineage"]
            .into_iter()
            .chain(values)
        {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
        let object = json(0, &["completions", shell]);
        assert_eq!(object["shell"], shell);
        assert_eq!(
            object["script"].as_str().unwrap().trim_end(),
            ran.stdout.trim_end()
        );
    }
    assert_eq!(winterforge(&["completions", "tcl"]).code, 2);
    // A shell takes it, and completes a flag with it.
    let script = winterforge(&["completions", "bash"]).stdout;
    let ask = "\nCOMP_WORDS=(winterforge verify --requ); COMP_CWORD=2; _winterforge winterforge --requ verify; echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash")
        .args(["-c", &(script + ask)])
        .stderr(Stdio::inherit())
        .output();
    match bash {
        Ok(done) => assert_eq!(
            String::from_utf8_lossy(&done.stdout).trim(),
            "--require-signature"
        ),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "bash: {error}");
            eprintln!("skipped: bash: {error}");
        }
    }
}

#[test]
fn a_page_for_every_command() {
    let scratch = Scratch::new();
    let folder = scratch.folder().to_str().unwrap();
    let files = json(0, &["man", "-o", folder])["files"]
        .as_array()
        .unwrap()
        .len();
    let names: BTreeSet<String> = scratch.names().into_iter().collect();
    assert_eq!(names.len(), files);
    for command in [
        "demo",
        "run",
        "prove",
        "setup",
        "sign",
        "verify",
        "inspect",
        "completions",
        "man",
    ] {
        let page = fs::read_to_string(scratch.path(&format!("winterforge-{command}.1"))).unwrap();
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains("xample"),
            "{command}"
        );
    }
    let main = winterforge(&["man"]).stdout;
    assert_eq!(
        main.trim_end(),
        fs::read_to_string(scratch.path("winterforge.1"))
            .unwrap()
            .trim_end()
    );
    assert!(main.contains("winterforge\\-verify"), "{main}");
    let absent = scratch.path("absent");
    assert_eq!(winterforge(&["man", "-o", &absent]).code, 1);
}
