//! `auberge cluster move`, `moves` and `cancel`.

use clap::Args;
use serde_json::{Value, json};

use super::{follow, tables};
use crate::client::RetryingClient;
use crate::client::Target;
use crate::commands::output;
use cluster_model::MoveResponse;

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
    let mut body =
        json!({"group": arguments.group, "to": arguments.to, "leader_only": arguments.leader_only});
    if let Some(from) = &arguments.from {
        body["from"] = json!(from);
    }
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let begun: Value = client.once().post("/v1/cluster/moves", &body).await?;
    finish(&mut client, begun, &arguments.waiting).await
}

/// `moves`: lists moves, or follows one to its end.
pub async fn list(arguments: List) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let Some(id) = &arguments.id else {
        let page = client.get(&format!("/v1/cluster/moves?limit={}", arguments.limit)).await?;
        let items = page.get("items").cloned().unwrap_or_default();
        if arguments.json {
            return output::print_json(&items);
        }
        let moves: Vec<MoveResponse> = super::read(items)?;
        if moves.is_empty() {
            println!("there are no moves");
        } else {
            println!("{}", tables::moves(&moves));
        }
        return Ok(());
    };
    let found = client.get(&format!("/v1/cluster/moves/{}", segment(id)?)).await?;
    let waiting = Waiting { no_wait: arguments.json, json: arguments.json };
    finish(&mut client, found, &waiting).await
}

/// `cancel`: returns when the move is undone.
pub async fn cancel(arguments: Cancel) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let path = format!("/v1/cluster/moves/{}/cancel", segment(&arguments.id)?);
    let found: Value = client.once().post(&path, &json!({})).await?;
    if arguments.waiting.no_wait {
        return finish(&mut client, found, &arguments.waiting).await;
    }
    let ended = follow::to_the_end(&mut client, vec![super::read(found)?]).await?;
    if arguments.waiting.json {
        return print(&ended);
    }
    ended.iter().for_each(|one| println!("{}", follow::sentence(one)));
    Ok(())
}

async fn finish(client: &mut RetryingClient<'_>, found: Value, waiting: &Waiting) -> anyhow::Result<()> {
    let one: MoveResponse = super::read(found.clone())?;
    if waiting.no_wait {
        if waiting.json {
            return output::print_json(&found);
        }
        println!("{}  {}", one.id, follow::sentence(&one));
        return Ok(());
    }
    let ended = follow::to_the_end(client, vec![one]).await?;
    if waiting.json {
        print(&ended)?;
    }
    follow::all_done(&ended)?;
    if !waiting.json {
        ended.iter().for_each(|one| println!("{}", follow::sentence(one)));
    }
    Ok(())
}

fn print(ended: &[MoveResponse]) -> anyhow::Result<()> {
    use poem_openapi::types::ToJSON;
    ended.iter().try_for_each(|one| output::print_json(&one.to_json()))
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
