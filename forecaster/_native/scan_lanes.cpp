// Passes over values whose loops a compiler turns into W lanes.
#include "scan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace forecaster {

namespace {

constexpr Index width = 8;

// Several of each number side by side, which a compiler can work on at once.
template <class T>
struct Seen {
    T lowest[width], highest[width], least[width], known[width];

    Seen() {
        constexpr T inf = std::numeric_limits<T>::infinity();
        std::fill_n(lowest, width, inf);
        std::fill_n(highest, width, -inf);
        std::fill_n(least, width, inf);
        std::fill_n(known, width, T{0});
    }

    void take(const T* x) {
        constexpr T inf = std::numeric_limits<T>::infinity();
        for (Index l = 0; l < width; ++l) {
            const T size = std::fabs(x[l]);
            lowest[l] = x[l] < lowest[l] ? x[l] : lowest[l];
            highest[l] = x[l] > highest[l] ? x[l] : highest[l];
            const T above = size > 0 ? size : inf;
            least[l] = above < least[l] ? above : least[l];
            known[l] += size < inf ? T{1} : T{0};
        }
    }

    // The last few, with missing ones behind them, which nothing is told of.
    void take_rest(const T* x, Index n) {
        T rest[width];
        std::fill_n(rest, width, std::numeric_limits<T>::quiet_NaN());
        std::copy_n(x, n, rest);
        take(rest);
    }

    // All that has been seen, in the first of each.
    void fold() {
        for (Index half = width / 2; half > 0; half /= 2)
            for (Index l = 0; l < half; ++l) {
                lowest[l] = std::min(lowest[l], lowest[l + half]);
                highest[l] = std::max(highest[l], highest[l + half]);
                least[l] = std::min(least[l], least[l + half]);
                known[l] += known[l + half];
            }
    }
};

}  // namespace

template <int W, class T>
Surveyed surveyed(const T* x, Index n, T* copy) {
    double known = 0;
    T lowest = std::numeric_limits<T>::infinity(), highest = -lowest, least = lowest;
    for (Index begin = 0; begin < n; begin += Index{1} << 20) {  // floats count exactly up to 2^24
        const Index end = std::min(n, begin + (Index{1} << 20));
        Seen<T> seen;
        Index r = begin;
        for (; r + width <= end; r += width) {
            seen.take(x + r);
            if (copy) std::memcpy(copy + r, x + r, width * sizeof(T));
        }
        if (r < end) seen.take_rest(x + r, end - r);
        if (copy) std::copy(x + r, x + end, copy + r);
        seen.fold();
        lowest = std::min(lowest, *seen.lowest);
        highest = std::max(highest, *seen.highest);
        least = std::min(least, *seen.least);
        known += static_cast<double>(*seen.known);
    }
    const bool any = lowest <= highest;
    const double none = std::nan("");
    return {known, any ? static_cast<double>(lowest) : none, any ? static_cast<double>(highest) : none, static_cast<double>(least)};
}

template <int W, class Offset>
bool alike(const Offset* at, Index n, Offset size) {
    using Length = std::make_unsigned_t<Offset>;  // offsets that lead astray may wrap around
    Length other = 0;
    for (Index r = 0; r < n; ++r) other |= static_cast<Length>(static_cast<Length>(at[r + 1]) - static_cast<Length>(at[r])) ^ static_cast<Length>(size);
    return other == 0;
}

template <int W>
bool divided(const Index* x, Index n, Index per, Index* out) {
    constexpr double round = 0x1.8p52;  // a number below 2^51 that it is added to shows itself, without its fraction, in the last bits
    const double part = 1.0 / static_cast<double>(per);
    std::uint64_t rest = 0;
    for (Index i = 0; i < n; ++i) {
        const double near = static_cast<double>(x[i]) * part + round;
        const std::uint64_t whole = std::bit_cast<std::uint64_t>(near) - std::bit_cast<std::uint64_t>(round);  // of one too large, anything
        out[i] = static_cast<Index>(whole);
        rest |= whole * static_cast<std::uint64_t>(per) ^ static_cast<std::uint64_t>(x[i]);
    }
    return rest == 0;
}

template Surveyed surveyed<FORECASTER_LANES, double>(const double*, Index, double*);
template Surveyed surveyed<FORECASTER_LANES, float>(const float*, Index, float*);
template bool alike<FORECASTER_LANES, std::int32_t>(const std::int32_t*, Index, std::int32_t);
template bool alike<FORECASTER_LANES, Index>(const Index*, Index, Index);
template bool divided<FORECASTER_LANES>(const Index*, Index, Index, Index*);

}  // namespace forecaster
