// Usage: verify CERTIFICATE PROFILE=FILE...; prints true or false for each file.
#include "seal.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>

int main(int count, char **given) {
    if (count < 2 || !seal::start()) {
        return 1;
    }
    for (int index = 2; index < count; index++) {
        const std::string asked = given[index];
        const size_t equals = asked.find('=');
        std::ifstream file(asked.substr(equals + 1), std::ios::binary);
        const std::string raw{std::istreambuf_iterator<char>(file), {}};
        std::puts(seal::verified(raw, given[1], asked.substr(0, equals)) ? "true" : "false");
    }
    return 0;
}
