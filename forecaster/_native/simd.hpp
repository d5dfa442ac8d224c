// Which of the compiled levels of a kernel runs on this machine; the environment variable FORECASTER_SIMD forces one.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace forecaster {

#if defined(__x86_64__) || defined(_M_X64)
#define FORECASTER_X86 1
#endif

struct Level {
    const char* name;
    int width;  // lanes
    bool usable;
};

inline Level level_named(const std::string& name) {
#ifdef FORECASTER_X86
    // GCC and Clang also ask whether the operating system keeps the wide registers.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (name == "avx512") return {"avx512", 8, avx512};
    if (name == "avx2") return {"avx2", 4, avx2};
#else
    if (name == "avx512") return {"avx512", 8, false};
    if (name == "avx2") return {"avx2", 4, false};
#endif
    if (name == "baseline") return {"baseline", 2, true};
    throw std::invalid_argument("FORECASTER_SIMD is '" + name + "'; expected avx512, avx2 or baseline, or leave it unset for the best this processor has");
}

// The forced level, or the widest that this processor can run.
inline Level level() {
    if (const char* forced = std::getenv("FORECASTER_SIMD"); forced && *forced) {
        const Level one = level_named(forced);
        if (!one.usable)
            throw std::invalid_argument("FORECASTER_SIMD is '" + std::string(forced) + "', which this processor cannot run; unset it or choose a narrower level (avx2, baseline)");
        return one;
    }
    for (const char* name : {"avx512", "avx2"})
        if (const Level one = level_named(name); one.usable) return one;
    return level_named("baseline");
}

// What `give.operator()<W>()` returns for the width of that level: `by_width(level(), []<int W>() { return &fit<W>; })`.
template <class Give>
auto by_width(const Level& level, Give give) {
#ifdef FORECASTER_X86
    if (level.width == 8) return give.template operator()<8>();
    if (level.width == 4) return give.template operator()<4>();
#endif
    (void)level;
    return give.template operator()<2>();
}

}  // namespace forecaster
