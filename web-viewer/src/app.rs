//! The frame of the page: two tabs, one of which is shown. The fragment says which.

use leptos::prelude::*;

use crate::browser;
use crate::playground::Playground;
use crate::playground::link::Link;
use crate::viewer::Viewer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Viewer,
    Playground,
}

/// The whole page.
#[component]
pub(crate) fn App() -> impl IntoView {
    let asked = || {
        let fragment = browser::fragment();
        if Link::is_ours(fragment.trim_start_matches('#')) { Tab::Playground } else { Tab::Viewer }
    };
    let tab = RwSignal::new(asked());
    // Each tab has a fragment of its own: what is done in one loses nothing of the other.
    let fragments = StoredValue::new([String::new(), "story=elect".to_owned()]);
    let leave = move |fragment: &str| {
        let tab = tab.get_untracked();
        fragments.update_value(|all| fragment.trim_start_matches('#').clone_into(&mut all[tab as usize]));
    };
    let choose = move |to: Tab| {
        if tab.get_untracked() != to {
            leave(&browser::fragment());
            fragments.with_value(|all| browser::set_fragment(&all[to as usize]));
            tab.set(to);
        }
    };
    // A link that is pasted into an open page. It lives as long as the page.
    let _ = window_event_listener(leptos::ev::hashchange, move |event| {
        if tab.get_untracked() != asked() {
            leave(event.old_url().split_once('#').map_or("", |(_, fragment)| fragment));
            tab.set(asked());
        }
    });
    let keys = move |event: leptos::ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "ArrowLeft" | "ArrowRight") {
            let (other, id) = if tab.get_untracked() == Tab::Viewer {
                (Tab::Playground, "tab-playground")
            } else {
                (Tab::Viewer, "tab-viewer")
            };
            choose(other);
            browser::focus(id);
        }
    };
    let button = move |of: Tab, id: &'static str, panel: &'static str, label: &'static str| {
        let chosen = move || tab.get() == of;
        view! {
            <button
                role="tab"
                id=id
                aria-controls=panel
                aria-selected=move || chosen().to_string()
                tabindex=move || if chosen() { "0" } else { "-1" }
                on:click=move |_| choose(of)
            >
                {label}
            </button>
        }
    };
    view! {
        <header class="top">
            <h1>"leader-elector"</h1>
            <div role="tablist" aria-label="Views" on:keydown=keys>
                {button(Tab::Viewer, "tab-viewer", "viewer", "Viewer")}
                {button(Tab::Playground, "tab-playground", "playground", "Playground")}
            </div>
        </header>
        <main>
            <Show when=move || tab.get() == Tab::Viewer>
                <section role="tabpanel" id="viewer" aria-labelledby="tab-viewer"><Viewer/></section>
            </Show>
            <Show when=move || tab.get() == Tab::Playground>
                <section role="tabpanel" id="playground" aria-labelledby="tab-playground"><Playground/></section>
            </Show>
        </main>
    }
}
