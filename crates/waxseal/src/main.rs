//! The binary: command line, configuration, wiring. No rules live here.

mod account_commands;
mod account_file;
mod app;
mod audit_command;
mod backup_commands;
mod cli;
mod configuration;
mod connections;
mod doctor;
mod error;
mod key_source;
mod keys_commands;
mod manual;
mod owner;
mod presence;
mod serve;
mod sync_command;
mod watchdog;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

/// One arena for all threads, and what is freed goes back after two seconds (.cargo/config.toml): accounts by the
/// thousand wait, and what one thread frees another one takes again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Parsers recurse; what goes deeper than their limits allow still has to fit.
const STACK_BYTES: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("waxseal: {error}");
            error.exit_code()
        }
    }
}
