//! The rooms of this instance: who is in them, and what was said last. A room is gone when the last has left.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Rooms at the same time.
const ROOMS_MAX: usize = 1_000;

/// What a newcomer is shown.
const HISTORY_MAX: usize = 50;

/// What a slow member may be behind; it loses the oldest beyond.
const BEHIND_MAX: usize = 64;

/// A line of somebody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) from: String,
    pub(crate) text: String,
}

/// What everybody in a room hears.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum News {
    Line(Line),
    /// So many are here now.
    Members {
        members: usize,
    },
}

/// All rooms.
#[derive(Clone, Default)]
pub(crate) struct Rooms(Arc<Mutex<HashMap<String, Room>>>);

struct Room {
    news: broadcast::Sender<News>,
    history: VecDeque<Line>,
    members: usize,
}

/// Somebody in a room, until dropped.
pub(crate) struct Member {
    rooms: Rooms,
    room: String,
    pub(crate) news: broadcast::Receiver<News>,
    /// What was said before.
    pub(crate) history: Vec<Line>,
}

impl Rooms {
    /// Goes into a room, which is made if nobody is there; none when there are too many rooms.
    pub(crate) fn join(&self, name: &str) -> Option<Member> {
        let mut rooms = self.lock();
        if !rooms.contains_key(name) && rooms.len() >= ROOMS_MAX {
            return None;
        }
        let room = rooms.entry(name.to_owned()).or_insert_with(|| Room {
            news: broadcast::Sender::new(BEHIND_MAX),
            history: VecDeque::new(),
            members: 0,
        });
        room.members += 1;
        let member = Member {
            rooms: self.clone(),
            room: name.to_owned(),
            news: room.news.subscribe(),
            history: room.history.iter().cloned().collect(),
        };
        room.count();
        Some(member)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn tell(&self, news: News) {
        // Nobody hears it when nobody is there.
        let _ = self.news.send(news);
    }

    fn count(&self) {
        self.tell(News::Members {
            members: self.members,
        });
    }
}

impl Member {
    /// Says something to everybody in the room.
    pub(crate) fn say(&self, line: Line) {
        if let Some(room) = self.rooms.lock().get_mut(&self.room) {
            if room.history.len() == HISTORY_MAX {
                room.history.pop_front();
            }
            room.history.push_back(line.clone());
            room.tell(News::Line(line));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut rooms = self.rooms.lock();
        if let Some(room) = rooms.get_mut(&self.room) {
            room.members -= 1;
            room.count();
            if room.members == 0 {
                rooms.remove(&self.room);
            }
        }
    }
}
