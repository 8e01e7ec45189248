//! Where to look: gist, token, file, API.

use leptos::prelude::*;

use super::Shared;
use crate::browser;
use crate::place::Place;

/// The fields. A token is kept for its origin and this tab, and then leaves the field.
#[component]
pub(crate) fn Form(shared: Shared, place: Place, remembered: bool, wall: RwSignal<bool>) -> impl IntoView {
    let gist = RwSignal::new(place.gist.clone());
    let token = RwSignal::new(String::new());
    let file = RwSignal::new(place.file.clone());
    let api = RwSignal::new(place.api);
    let remember = RwSignal::new(remembered);
    let kept = RwSignal::new(0);
    let has_kept = move || {
        kept.track();
        Place::typed(&gist.get(), &file.get(), &api.get()).origin().is_some_and(|o| browser::token(&o).is_some())
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let place = Place::typed(&gist.get_untracked(), &file.get_untracked(), &api.get_untracked());
        let typed = token.get_untracked().trim().to_owned();
        let origin = place.origin().unwrap_or_default();
        let used = if typed.is_empty() { browser::token(&origin) } else { Some(typed.clone()) };
        shared.begin(&place, used);
        if !shared.mistakes.with_untracked(Vec::is_empty) {
            return;
        }
        if !typed.is_empty() {
            browser::keep_token(&origin, Some(&typed));
            token.set(String::new());
            kept.update(|n| *n += 1);
        }
        gist.set(place.gist.clone());
        let fragment = place.fragment();
        browser::remember(remember.get_untracked().then_some(fragment.as_str()));
        browser::set_fragment(&if wall.get_untracked() { format!("{fragment}&wall") } else { fragment });
    };
    let forget = move |_| {
        let place = Place::typed(&gist.get_untracked(), &file.get_untracked(), &api.get_untracked());
        browser::keep_token(&place.origin().unwrap_or_default(), None);
        kept.update(|n| *n += 1);
        if shared.running.get_untracked() {
            shared.begin(&place, None);
        }
    };
    view! {
        <form class="place card" on:submit=submit autocomplete="off">
            <div class="field wide">
                <label for="gist">"Gist, its id or address"</label>
                <input id="gist" name="gist" required spellcheck="false" autocapitalize="off"
                    prop:value=move || gist.get() on:input:target=move |ev| gist.set(ev.target().value())/>
            </div>
            <div class="field">
                <label for="token">"Token " <span class="muted">"(optional)"</span></label>
                <input id="token" name="token" type="password" autocomplete="off" spellcheck="false"
                    placeholder=move || if has_kept() { "kept for this tab" } else { "" }
                    prop:value=move || token.get() on:input:target=move |ev| token.set(ev.target().value())/>
            </div>
            <div class="actions">
                <button type="submit" class="primary">"Watch"</button>
                <Show when=move || shared.running.get()>
                    <button type="button" on:click=move |_| shared.stop()>"Stop"</button>
                </Show>
                <Show when=has_kept><button type="button" on:click=forget>"Forget token"</button></Show>
            </div>
            <details>
                <summary>"File, API and memory"</summary>
                <div class="more">
                    <div class="field wide">
                        <label for="file">"File in the gist"</label>
                        <input id="file" name="file" spellcheck="false"
                            prop:value=move || file.get() on:input:target=move |ev| file.set(ev.target().value())/>
                    </div>
                    <div class="field wide">
                        <label for="api">"API address"</label>
                        <input id="api" name="api" spellcheck="false"
                            prop:value=move || api.get() on:input:target=move |ev| api.set(ev.target().value())/>
                    </div>
                    <label class="check">
                        <input type="checkbox" id="remember" prop:checked=move || remember.get()
                            on:change:target=move |ev| remember.set(ev.target().checked())/>
                        "Remember this gist in this browser (never the token)"
                    </label>
                </div>
            </details>
            <Show when=move || !shared.mistakes.with(Vec::is_empty)>
                <div class="mistakes" role="alert"><ul>
                    {move || shared.mistakes.get().into_iter().map(|mistake| view! { <li>{mistake}</li> }).collect_view()}
                </ul></div>
            </Show>
        </form>
    }
}
