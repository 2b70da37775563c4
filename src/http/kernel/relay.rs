//! Wakes of requests by other threads, relayed by a task of the HTTP worker. The runtime of a worker prefers the tasks that it
//! woke itself: while it has some, only one in 31 tasks that it runs was woken by another thread. Under load, a request whose
//! submission is stored would wait for seconds while new requests are handled.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use futures_util::task::AtomicWaker;

/// Maximum number of tasks woken in one turn. One transaction can complete hundreds of submissions, and each task builds its
/// response. Without this limit, other requests would wait for all of them.
const AT_ONCE: usize = 4;

thread_local! {
    static RELAY: OnceCell<Arc<Relay>> = const { OnceCell::new() };
}

struct Relay {
    worker: ThreadId,
    woken: Mutex<VecDeque<Waker>>,
    task: AtomicWaker,
}

/// Wakes a task of a worker: on the worker's thread at once, otherwise by its relay.
struct Relayed {
    task: Waker,
    relay: Arc<Relay>,
}

impl Relay {
    fn new() -> Arc<Self> {
        Arc::new(Self { worker: thread::current().id(), woken: Mutex::default(), task: AtomicWaker::new() })
    }

    fn add(&self, task: Waker) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
        self.task.wake();
    }

    /// The next wakers. If there are more, the relay is woken again.
    fn take(&self) -> Vec<Waker> {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = woken.len().min(AT_ONCE);
        let next = woken.drain(..count).collect();
        if !woken.is_empty() {
            self.task.wake();
        }
        next
    }
}

impl Wake for Relayed {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if thread::current().id() == self.relay.worker {
            self.task.wake_by_ref();
        } else {
            self.relay.add(self.task.clone());
        }
    }
}

/// Relays wakes to the tasks of the current worker until it ends.
pub(in crate::http) async fn run() -> Infallible {
    let relay = RELAY.with(|relay| Arc::clone(relay.get_or_init(Relay::new)));
    poll_fn(|cx| {
        relay.task.register(cx.waker());
        relay.take().into_iter().for_each(Waker::wake);
        Poll::Pending
    })
    .await
}

/// Runs a future and relays its wakes. On a thread without a relay, runs it unchanged.
pub(in crate::http) async fn relayed<F: Future>(future: F) -> F::Output {
    let Some(relay) = RELAY.with(|relay| relay.get().cloned()) else { return future.await };
    let mut future = pin!(future);
    let mut wakers: Option<(Waker, Waker)> = None;
    poll_fn(|cx| {
        let (_, relayed) = match &mut wakers {
            Some(wakers) if wakers.0.will_wake(cx.waker()) => wakers,
            wakers => {
                let relayed = Relayed { task: cx.waker().clone(), relay: Arc::clone(&relay) };
                wakers.insert((cx.waker().clone(), Arc::new(relayed).into()))
            }
        };
        future.as_mut().poll(&mut Context::from_waker(relayed))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::*;

    /// How often a worker polls a task that always wakes itself, until all tasks that another thread woke earlier are done.
    async fn polls(with_relay: bool) -> usize {
        if with_relay {
            spawn_local(run());
            yield_now().await;
        }
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel::<()>()).unzip();
        let waiting: Vec<_> = receivers.into_iter().map(|one| spawn_local(relayed(one))).collect();
        yield_now().await;
        thread::spawn(|| senders.into_iter().for_each(|one| one.send(()).unwrap())).join().unwrap();
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        spawn_local(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        polls.get()
    }

    /// The maximum number of tasks that end in one turn of the worker, of 50 that another thread woke earlier. The first
    /// `yield_now` lets each of them begin to wait: the runtime polls 61 local tasks before it returns.
    async fn most_in_a_turn() -> usize {
        spawn_local(run());
        yield_now().await;
        let ended = Rc::new(Cell::new(0));
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..50).map(|_| oneshot::channel::<()>()).unzip();
        for one in receivers {
            let ended = Rc::clone(&ended);
            spawn_local(relayed(async move {
                one.await.unwrap();
                ended.set(ended.get() + 1);
            }));
        }
        yield_now().await;
        thread::spawn(|| senders.into_iter().for_each(|one| one.send(()).unwrap())).join().unwrap();
        let (mut before, mut most) = (0, 0);
        let turns = poll_fn(move |cx| {
            most = most.max(ended.get() - before);
            before = ended.get();
            if before == 50 {
                return Poll::Ready(most);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        spawn_local(turns).await.unwrap()
    }

    /// Runs a future as a worker, on its own thread, because a thread keeps its relay.
    fn in_worker<F: Future<Output = usize>>(future: impl FnOnce() -> F + Send) -> usize {
        let runtime = || Builder::new_current_thread().build().unwrap();
        let worker = || runtime().block_on(LocalSet::new().run_until(future()));
        thread::scope(|scope| scope.spawn(worker).join().unwrap())
    }

    #[test]
    fn tasks_that_another_thread_wakes_do_not_wait_for_all_others() {
        let (with, without) = (in_worker(|| polls(true)), in_worker(|| polls(false)));
        assert!(with * 4 < without, "{with} polls with the relay, {without} without");
    }

    #[test]
    fn the_ends_of_a_transaction_are_spread_over_turns() {
        assert_eq!(in_worker(most_in_a_turn), AT_ONCE);
    }
}
