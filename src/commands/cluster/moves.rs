//! `auberge cluster move`, `moves` and `cancel`.

use clap::Args;
use cluster_model::{MoveResponse, NewMove};
use serde_json::json;

use super::{follow, tables};
use crate::client::{Page, RetryingClient, Target};
use crate::commands::output;

/// Move a replica, or a leadership.
#[derive(Debug, Args)]
pub struct Move {
    /// The group: `reservations/0`.
    group: String,
    /// The node to move to.
    #[arg(long, value_name = "NODE")]
    to: String,
    /// The node to move from [default: the fullest node that may lose its replica].
    #[arg(long, value_name = "NODE")]
    from: Option<String>,
    /// Move only the leadership, to a node that has a replica.
    #[arg(long)]
    leader_only: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    target: Target,
}

/// Arguments of commands that start moves.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Return when the moves have begun.
    #[arg(long)]
    pub no_wait: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show moves.
#[derive(Debug, Args)]
pub struct List {
    /// The move to follow to its end: `mov_17`.
    id: Option<String>,
    /// Maximum number of moves.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Print JSON, and do not wait for the end of the move.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Cancel a move.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Its id: `mov_17`.
    id: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    target: Target,
}

/// `move`: begins a move, and returns when it is done.
pub async fn begin(arguments: Move) -> anyhow::Result<()> {
    let Move { group, to, from, leader_only, waiting, target } = arguments;
    let mut client = RetryingClient::sign_in(&target).await?;
    let request = NewMove { group, to, from, leader_only };
    let begun = client.once().post("/v1/cluster/moves", &request).await?;
    finish(&mut client, begun, &waiting).await
}

/// `moves`: lists moves, or follows one to its end.
pub async fn list(arguments: List) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let Some(id) = &arguments.id else {
        let page: Page<MoveResponse> =
            client.get(&format!("/v1/cluster/moves?limit={}", arguments.limit)).await?;
        return super::show(&page.items, arguments.json, |moves| match moves.as_slice() {
            [] => println!("there are no moves"),
            moves => println!("{}", tables::moves(moves)),
        });
    };
    let found = client.get(&format!("/v1/cluster/moves/{}", segment(id)?)).await?;
    let waiting = Waiting { no_wait: arguments.json, json: arguments.json };
    finish(&mut client, found, &waiting).await
}

/// `cancel`: returns when the move is undone.
pub async fn cancel(arguments: Cancel) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let path = format!("/v1/cluster/moves/{}/cancel", segment(&arguments.id)?);
    let one: MoveResponse = client.once().post(&path, &json!({})).await?;
    if arguments.waiting.no_wait {
        return finish(&mut client, one, &arguments.waiting).await;
    }
    let ended = follow::to_the_end(&mut client, vec![one]).await?;
    ended.iter().try_for_each(|one| {
        super::show(one, arguments.waiting.json, |one| println!("{}", follow::sentence(one)))
    })
}

async fn finish(client: &mut RetryingClient<'_>, one: MoveResponse, waiting: &Waiting) -> anyhow::Result<()> {
    if waiting.no_wait {
        return super::show(&one, waiting.json, |one| println!("{}  {}", one.id, follow::sentence(one)));
    }
    let ended = follow::to_the_end(client, vec![one]).await?;
    if waiting.json {
        ended.iter().try_for_each(output::print_json)?;
    }
    follow::all_done(&ended)?;
    if !waiting.json {
        ended.iter().for_each(|one| println!("{}", follow::sentence(one)));
    }
    Ok(())
}

/// Checks a name that becomes a segment of a path, so that it cannot select another path.
///
/// # Errors
/// When it is not a valid name.
pub fn segment(name: &str) -> anyhow::Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) || name.starts_with('.') {
        anyhow::bail!("`{name}` is not a valid name: use letters, digits, `-`, `_` and `.`");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_cannot_select_another_path() {
        for good in ["n1", "mov_17", "node-7.east"] {
            assert!(super::segment(good).is_ok(), "{good}");
        }
        for bad in ["", "..", ".", "a/b", "a?b", "a b", "ä", "%2e"] {
            assert!(super::segment(bad).is_err(), "{bad}");
        }
    }
}
