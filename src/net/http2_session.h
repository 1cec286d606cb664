#pragma once

#include <memory>

#include "net/exchange.h"
#include "net/session.h"

namespace strongroom::net {

// The server's side of HTTP/2 (RFC 9113), from the client's preface on.
std::shared_ptr<Session> MakeHttp2ServerSession(const ServerContext& context,
                                                std::shared_ptr<SessionHost> host,
                                                std::shared_ptr<const ConnectionInfo> connection);

}  // namespace strongroom::net
