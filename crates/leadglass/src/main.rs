//! The leadglass program: every role and every command.

mod cli;
mod command;
mod control;
mod disk;
mod failure;
mod holder;
mod intake_socket;
mod output;
mod owner;
mod parent;
mod sockets;
mod time;
mod unseal;

use clap::Parser;

fn main() -> std::process::ExitCode {
    control::own_files();
    // a wrong usage ends here with exit code 2
    let cli = cli::Cli::parse();
    let format = cli.format;
    match command::run(cli) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            failure::print(&error, format);
            std::process::ExitCode::FAILURE
        }
    }
}
