//! Typed messages. Each command and query of a contract is a struct with its reply, its route and its access beside it
//! ([`Request`]); the [`contract!`](crate::contract) macro derives from a list of these structs the enums that are logged,
//! stored and sent between nodes.
//!
//! A caller writes `client.call(&call, Hold { … }).await?` and gets the reply type of `Hold`.

use crate::{Access, Contract, Message, ReadConsistency, Route};

/// A command or a query of one service.
///
/// A new message takes a struct, this implementation, its name in the list of [`contract!`](crate::contract) (commands and
/// queries are only appended: the position is what is stored), and an arm in the service.
pub trait Request: Message {
    /// The contract that lists it.
    type Contract: Contract;
    /// What the service returns when it does not refuse.
    type Reply: Send + 'static;

    /// The shard, or for queries the shards, that it is for.
    fn route(&self) -> Route;

    /// Who may send it. The receiving group checks this before anything is proposed or read.
    fn access(&self) -> Access;

    /// Which replicas may answer. Commands are always executed by the leader.
    fn consistency(&self) -> ReadConsistency {
        ReadConsistency::Leader
    }
}

/// A [`Request`] with the enum variants that carry it and its reply. Implemented by [`contract!`](crate::contract).
pub trait Variant: Request {
    /// Wraps the request in the contract's `Command` or `Query`.
    fn into_message(self) -> RequestMessage<Self::Contract>;

    /// Unwraps the reply; none if it is the reply to another request.
    fn reply(message: ReplyMessage<Self::Contract>) -> Option<Self::Reply>;
}

/// A request as it is sent.
#[derive(Debug, Clone)]
pub enum RequestMessage<C: Contract> {
    /// Replicated and applied.
    Command(C::Command),
    /// Answered from the state.
    Query(C::Query),
}

/// The reply to a [`RequestMessage`] that was not refused.
#[derive(Debug, Clone)]
pub enum ReplyMessage<C: Contract> {
    /// Of a command.
    Reply(C::Reply),
    /// Of a query.
    Answer(C::Answer),
}

/// A type that one variant of the enum `E` holds. Implemented by [`contract!`](crate::contract) for each reply.
pub trait VariantOf<E>: Sized {
    /// The value, if `message` is of this variant.
    fn from_message(message: E) -> Option<Self>;
}

/// Declares a contract: its marker type, and from lists of message structs the enums that are logged, stored and sent.
///
/// Commands and queries are lists of types that implement [`Request`], each its own variant. Replies and answers are lists
/// of `Variant(Type)`; no type occurs twice in one enum. All four lists only grow at their ends: bincode stores a variant's
/// position.
///
/// The tests of this module declare a small contract; `actors/contracts/src/pdf.rs` is a complete one.
#[macro_export]
macro_rules! contract {
    (
        $(#[$contract_meta:meta])*
        $vis:vis struct $Contract:ident = $service:literal;
        refusal $Refusal:ty;
        $(#[$command_meta:meta])*
        $command_vis:vis enum $Command:ident { $($(#[$c_meta:meta])* $CommandName:ident),* $(,)? }
        $(#[$reply_meta:meta])*
        $reply_vis:vis enum $Reply:ident { $($(#[$r_meta:meta])* $ReplyName:ident($ReplyType:ty)),* $(,)? }
        $(#[$query_meta:meta])*
        $query_vis:vis enum $Query:ident { $($(#[$q_meta:meta])* $QueryName:ident),* $(,)? }
        $(#[$answer_meta:meta])*
        $answer_vis:vis enum $Answer:ident { $($(#[$a_meta:meta])* $AnswerName:ident($AnswerType:ty)),* $(,)? }
    ) => {
        $(#[$contract_meta])*
        #[derive(Debug, Clone, Copy)]
        $vis struct $Contract;

        $(#[$command_meta])*
        #[allow(missing_docs)]
        $command_vis enum $Command { $($(#[$c_meta])* $CommandName($CommandName)),* }

        $(#[$reply_meta])*
        #[allow(missing_docs)]
        $reply_vis enum $Reply { $($(#[$r_meta])* $ReplyName($ReplyType)),* }

        $(#[$query_meta])*
        #[allow(missing_docs)]
        $query_vis enum $Query { $($(#[$q_meta])* $QueryName($QueryName)),* }

        $(#[$answer_meta])*
        #[allow(missing_docs)]
        $answer_vis enum $Answer { $($(#[$a_meta])* $AnswerName($AnswerType)),* }

        impl $crate::Contract for $Contract {
            const SERVICE: &'static str = $service;
            type Command = $Command;
            type Reply = $Reply;
            type Refusal = $Refusal;
            type Query = $Query;
            type Answer = $Answer;

            fn route_command(command: &$Command) -> $crate::Route {
                match *command { $($Command::$CommandName(ref request) => $crate::Request::route(request),)* }
            }
            fn route_query(query: &$Query) -> $crate::Route {
                match *query { $($Query::$QueryName(ref request) => $crate::Request::route(request),)* }
            }
            fn query_consistency(query: &$Query) -> $crate::ReadConsistency {
                match *query { $($Query::$QueryName(ref request) => $crate::Request::consistency(request),)* }
            }
            fn command_access(command: &$Command) -> $crate::Access {
                match *command { $($Command::$CommandName(ref request) => $crate::Request::access(request),)* }
            }
            fn query_access(query: &$Query) -> $crate::Access {
                match *query { $($Query::$QueryName(ref request) => $crate::Request::access(request),)* }
            }
        }

        $(
            impl From<$CommandName> for $Command {
                fn from(request: $CommandName) -> Self {
                    Self::$CommandName(request)
                }
            }
            impl $crate::Variant for $CommandName {
                fn into_message(self) -> $crate::RequestMessage<$Contract> {
                    $crate::RequestMessage::Command(self.into())
                }
                fn reply(message: $crate::ReplyMessage<$Contract>) -> Option<Self::Reply> {
                    match message {
                        $crate::ReplyMessage::Reply(reply) => $crate::VariantOf::from_message(reply),
                        $crate::ReplyMessage::Answer(_) => None,
                    }
                }
            }
        )*
        $(
            impl From<$QueryName> for $Query {
                fn from(request: $QueryName) -> Self {
                    Self::$QueryName(request)
                }
            }
            impl $crate::Variant for $QueryName {
                fn into_message(self) -> $crate::RequestMessage<$Contract> {
                    $crate::RequestMessage::Query(self.into())
                }
                fn reply(message: $crate::ReplyMessage<$Contract>) -> Option<Self::Reply> {
                    match message {
                        $crate::ReplyMessage::Reply(_) => None,
                        $crate::ReplyMessage::Answer(answer) => $crate::VariantOf::from_message(answer),
                    }
                }
            }
        )*
        $crate::__variants!($Reply { $($ReplyName($ReplyType)),* });
        $crate::__variants!($Answer { $($AnswerName($AnswerType)),* });
    };
}

/// The conversions of [`contract!`](crate::contract) between an enum and what its variants hold.
#[doc(hidden)]
#[macro_export]
macro_rules! __variants {
    ($Enum:ident { $($Name:ident($Type:ty)),* }) => {
        $(
            impl From<$Type> for $Enum {
                fn from(value: $Type) -> Self {
                    Self::$Name(value)
                }
            }
            impl $crate::VariantOf<$Enum> for $Type {
                #[allow(unreachable_patterns)]
                fn from_message(message: $Enum) -> Option<Self> {
                    match message {
                        $Enum::$Name(value) => Some(value),
                        _ => None,
                    }
                }
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::codec;

    /// Adds to the total.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Add {
        amount: u64,
    }

    impl Request for Add {
        type Contract = Adder;
        type Reply = Total;
        fn route(&self) -> Route {
            Route::SINGLE
        }
        fn access(&self) -> Access {
            Access::scopes(&["adder:write"])
        }
    }

    /// Reads the total.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct GetTotal;

    impl Request for GetTotal {
        type Contract = Adder;
        type Reply = Total;
        fn route(&self) -> Route {
            Route::AllShards
        }
        fn access(&self) -> Access {
            Access::ANYONE
        }
        fn consistency(&self) -> ReadConsistency {
            ReadConsistency::BoundedStaleness
        }
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Total(u64);

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Zero;

    impl std::fmt::Display for Zero {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("nothing to add")
        }
    }
    impl std::error::Error for Zero {}

    crate::contract! {
        struct Adder = "adder";
        refusal Zero;
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        enum Command { Add }
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        enum Reply { Done(()), Total(Total) }
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        enum Query { GetTotal }
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        enum Answer { Total(Total) }
    }

    #[test]
    fn route_access_and_consistency_are_those_of_the_request() {
        let (add, get) = (Command::from(Add { amount: 7 }), Query::from(GetTotal));
        assert_eq!((Adder::SERVICE, Adder::route_command(&add)), ("adder", Route::SINGLE));
        assert_eq!(Adder::command_access(&add), Access::scopes(&["adder:write"]));
        assert_eq!((Adder::route_query(&get), Adder::query_access(&get)), (Route::AllShards, Access::ANYONE));
        assert_eq!(Adder::query_consistency(&get), ReadConsistency::BoundedStaleness);
    }

    #[test]
    fn a_reply_of_another_type_is_not_a_reply() {
        assert_eq!(Add::reply(ReplyMessage::Reply(Total(3).into())), Some(Total(3)));
        assert_eq!(Add::reply(ReplyMessage::Reply(Reply::Done(()))), None);
        assert_eq!(Add::reply(ReplyMessage::Answer(Answer::Total(Total(3)))), None);
        assert_eq!(GetTotal::reply(ReplyMessage::Answer(Total(3).into())), Some(Total(3)));
    }

    /// The bytes are those of enums with the fields in their variants, which contracts had before.
    #[test]
    fn bytes_are_position_and_fields() {
        assert_eq!(codec::encode(&Command::from(Add { amount: 7 })), [1, 0, 7]);
        assert_eq!(codec::encode(&Reply::from(Total(9))), [1, 1, 9]);
        assert_eq!(codec::encode(&Reply::Done(())), [1, 0]);
        assert_eq!(codec::encode(&Query::from(GetTotal)), [1, 0]);
    }
}
