// SPDX-License-Identifier: MIT
//
// Where the sessions of an endpoint are. There is a fixed number of places, and who takes one is weighed here: a client
// without a key takes none from a session that has one.

#include <string.h>

#include "dtls_session.h"

#if MICROCOAPY_DTLS

#define PEER_SESSION_LEN (1 + 1 + 2)

// NULL, as a session: a free place.
static place_t *place_with(dtls_link_t *link, const session_t *session) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session == session) {
            return &link->place[i];
        }
    }
    return NULL;
}

bool microcoapy_session_is_over(const session_t *session) {
    return session->link->coap == NULL || place_with(session->link, session) == NULL;
}

void microcoapy_session_peer(const session_t *session, peer_t *out) {
    const place_t *place = place_with(session->link, session);
    out->len = PEER_SESSION_LEN;
    out->bytes[0] = MCOAP_PEER_SESSION;
    out->bytes[1] = place - session->link->place;
    out->bytes[2] = place->number;
    out->bytes[3] = place->number >> 8;
}

place_t *microcoapy_peer_place(dtls_link_t *link, const peer_t *peer) {
    if (peer->len != PEER_SESSION_LEN || peer->bytes[0] != MCOAP_PEER_SESSION || peer->bytes[1] >= link->count) {
        return NULL;
    }
    place_t *place = &link->place[peer->bytes[1]];
    return place->number == (peer->bytes[2] | peer->bytes[3] << 8) ? place : NULL;
}

session_t *microcoapy_session_at(dtls_link_t *link, const peer_t *address) {
    for (size_t i = 0; i < link->count; i++) {
        if (link->place[i].session != NULL && microcoapy_same_peer(&link->place[i].session->proven, address)) {
            return link->place[i].session;
        }
    }
    return NULL;
}

void microcoapy_session_end(session_t *session, bool tell) {
    dtls_link_t *link = session->link;
    place_t *place = place_with(link, session);
    if (place != NULL) {
        peer_t peer;
        microcoapy_session_peer(session, &peer);
        place->session = NULL;
        place->address = session->address;
        mcoap_peer_remove(link->coap->endpoint, link->coap->now, peer.bytes, peer.len);
    }
    if (link->ready == session) {
        link->ready = NULL;
    }
    if (session->busy) {
        return; // mbedtls goes on with it; the collector frees it
    }
    microcoapy_session_close(session, tell);
}

// The session that has not been used for longest, of those with these properties; NULL: there is none.
static session_t *oldest(dtls_link_t *link, bool established, bool is_client, const session_t *but) {
    session_t *found = NULL;
    for (size_t i = 0; i < link->count; i++) {
        session_t *session = link->place[i].session;
        if (session != NULL && session != but && session->established == established
            && (established || session->is_client == is_client)
            && (found == NULL || (int32_t)(session->used - found->used) < 0)) {
            found = session;
        }
    }
    return found;
}

static size_t established(const dtls_link_t *link) {
    size_t count = 0;
    for (size_t i = 0; i < link->count; i++) {
        count += link->place[i].session != NULL && link->place[i].session->established;
    }
    return count;
}

void microcoapy_session_make_room(session_t *session) {
    dtls_link_t *link = session->link;
    if (established(link) > link->dtls->sessions) {
        microcoapy_session_end(oldest(link, true, false, session), true);
    }
}

// Which session gives way to a new one; NULL: none has to. Those with a key, and handshakes of ours, are at most one more than
// there are sessions: so there is always a place for a client's handshake, which gives way to other clients alone.
static session_t *gives_way(dtls_link_t *link, bool is_client) {
    size_t kept = 0;
    for (size_t i = 0; i < link->count; i++) {
        const session_t *session = link->place[i].session;
        kept += session != NULL && (session->established || session->is_client);
    }
    if (is_client && kept == link->count - 1u) {
        session_t *ours = oldest(link, false, true, NULL);
        session_t *with_key = oldest(link, true, false, NULL);
        return with_key == NULL || (ours != NULL && !ours->begun) ? ours : with_key;
    }
    return place_with(link, NULL) == NULL ? oldest(link, false, false, NULL) : NULL;
}

bool microcoapy_session_settle(session_t *session) {
    dtls_link_t *link = session->link;
    session_t *other = gives_way(link, session->is_client);
    if (other != NULL && other->busy) {
        return false;
    }
    if (other != NULL) {
        microcoapy_session_end(other, true);
    }
    place_t *place = link->coap == NULL ? NULL : place_with(link, NULL);
    if (place == NULL) {
        return false;
    }
    place->session = session;
    place->number = ++link->numbers;
    session->proven = session->address;
    session->used = link->coap->now;
    return true;
}

#if DTLS_CID_LEN
session_t *microcoapy_session_with(dtls_link_t *link, const uint8_t *cid) {
    for (size_t i = 0; i < link->count; i++) {
        session_t *session = link->place[i].session;
        if (session != NULL && !session->is_client && memcmp(session->cid, cid, DTLS_CID_LEN) == 0) {
            return session;
        }
    }
    return NULL;
}
#endif

#endif // MICROCOAPY_DTLS
