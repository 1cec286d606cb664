#pragma once

#include <memory>
#include <thread>

#include "base/files.h"
#include "base/secret.h"

namespace strongroom::agent {

// A secret message (base/secret_message.h) on its way to the program that this process starts. The
// program inherits the reading end of a pipe that nobody else can open or put another in the place
// of; a thread feeds the writing end, so that a message may be longer than a pipe holds and a
// program that never reads holds nothing up. Needs no memfd, which Gramine has not.
class HandoverPipe {
 public:
  // kExhausted for a message that is too long; kInternal without descriptors.
  static Result<std::unique_ptr<HandoverPipe>> Open(ByteView message);
  // Gives up whatever the program has not taken by now.
  ~HandoverPipe() { stop_.Reset(); }
  HandoverPipe(const HandoverPipe&) = delete;
  HandoverPipe& operator=(const HandoverPipe&) = delete;

  // Closed on exec: the child clears that for itself.
  int reading_end() const { return reading_end_.get(); }

  // Once the program runs. The message is wiped when it is written, or when the program is gone.
  // SIGPIPE must be blocked or ignored.
  void Send();

 private:
  explicit HandoverPipe(SecretBytes framed) : framed_(std::move(framed)) {}
  void Feed();

  SecretBytes framed_;
  UniqueFd reading_end_, writing_end_;
  UniqueFd stop_, stopped_;  // closing one end is seen at the other
  std::jthread sender_;      // the last: it ends before what it uses
};

}  // namespace strongroom::agent
