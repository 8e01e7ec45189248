//! `leader-elector-wasi-runner COMPONENT run …`: for people without the `wasmtime` command.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result};
use leader_elector_wasi_runner::{Policy, Program, Told, surroundings};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::signal::unix::{SignalKind, signal};
use wasmtime_wasi::cli::AsyncStdinStream;

const USAGE: &str = "\
usage: leader-elector-wasi-runner COMPONENT run|status [FLAGS]

The component sees the arguments, the variables of this process and its standard input and output; it reaches the API,
the gist's push address and GitHub's raw contents, and nothing else: no file, no other host. What was compiled of it is
kept in COMPONENT.cache, if that can be written.
SIGTERM and Ctrl-C become the line `stop` on its standard input, an orderly end; a second one ends it at once.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next().filter(|arg| !arg.starts_with('-')) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&path, &args.collect::<Vec<_>>()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, args: &[String]) -> Result<u8> {
    let bytes = std::fs::read(path).with_context(|| format!("component is `{path}`"))?;
    // What was compiled is kept beside the component; where that cannot be written, each start compiles it.
    let cache =
        std::path::absolute(format!("{path}.cache")).ok().filter(|folder| std::fs::create_dir_all(folder).is_ok());
    let program = Program::new(&bytes, cache.as_deref()).with_context(|| format!("component is `{path}`"))?;
    // A component takes text alone; of what is none it hears nothing.
    let env =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let env: Vec<_> = env.collect();
    let stops_at_end = Told { args, env: &env }.stops_at_end();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let (inside, outside) = duplex(4096);
        let mut wasi = surroundings(args, &env);
        wasi.stdin(AsyncStdinStream::new(inside)).inherit_stdout().inherit_stderr();
        tokio::select! {
            code = program.run(wasi.build(), Policy::of(args, &env), None) => code,
            code = words(outside, stops_at_end) => code,
        }
    })
}

/// Hands standard input on, and turns signals into words.
async fn words(mut inside: DuplexStream, stops_at_end: bool) -> Result<u8> {
    let (sender, mut read) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // An empty word is the end.
        while let Ok(count) = std::io::stdin().read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() || count == 0 {
                return;
            }
        }
    });
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut stopping = false;
    loop {
        let code = tokio::select! {
            Some(bytes) = read.recv() => {
                if !bytes.is_empty() {
                    // It may have ended already.
                    _ = inside.write_all(&bytes).await;
                } else if stops_at_end {
                    _ = inside.shutdown().await;
                }
                continue;
            }
            Some(()) = terminate.recv() => 128 + 15,
            Some(()) = interrupt.recv() => 128 + 2,
        };
        if stopping {
            return Ok(code);
        }
        stopping = true;
        _ = inside.write_all(b"stop\n").await;
    }
}
