#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace strongroom::coordinator {

// Where a coordinator stands. The numbers are MarbleRun's and part of the client API.
enum class State : std::uint8_t {
  kUninitialized = 0,      // starting
  kRecovery = 1,           // there is state, but it was sealed for another platform or signer
  kAcceptingManifest = 2,  // there is no state
  kAcceptingMarbles = 3,   // a manifest is set
};

struct Move {
  State from;
  State to;
};

// Every legal move. Recovering (kRecovery to kAcceptingMarbles) comes with recovery keys.
inline constexpr std::array kMoves = {
    Move{State::kUninitialized, State::kRecovery},
    Move{State::kUninitialized, State::kAcceptingManifest},
    Move{State::kUninitialized, State::kAcceptingMarbles},
    Move{State::kAcceptingManifest, State::kAcceptingMarbles},
};

constexpr bool MayMove(State from, State to) {
  for (const Move& move : kMoves) {
    if (move.from == from && move.to == to) return true;
  }
  return false;
}

// One sentence for people: what the state means and what to do next.
constexpr std::string_view StateMessage(State state) {
  switch (state) {
    case State::kUninitialized: return "The coordinator is starting.";
    case State::kRecovery:
      return "The stored state cannot be opened here: it was sealed on another platform or for "
             "another signer. Nothing was changed; start where it was sealed, or use an empty "
             "state folder.";
    case State::kAcceptingManifest: return "Ready to accept a manifest.";
    case State::kAcceptingMarbles: return "A manifest is set; workloads may activate.";
  }
  return "unknown state";
}

}  // namespace strongroom::coordinator
