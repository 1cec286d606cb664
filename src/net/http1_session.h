#pragma once

#include <memory>

#include "net/exchange.h"
#include "net/session.h"

namespace strongroom::net {

// The server's side of HTTP/1.0 and 1.1 (RFC 9112): one request at a time, pipelined ones wait.
std::shared_ptr<Session> MakeHttp1ServerSession(const ServerContext& context,
                                                std::shared_ptr<SessionHost> host,
                                                std::shared_ptr<const ConnectionInfo> connection);

}  // namespace strongroom::net
