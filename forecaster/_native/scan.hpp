// Passes over values, stamps or texts: compiled for several widths of the processor's registers (see scan_lanes.cpp).
#pragma once

#include <cstdint>

namespace forecaster {

using Index = std::int64_t;

struct Surveyed {
    double known;            // how many are finite
    double lowest, highest;  // NaN where there are none
    double least;            // size above zero; infinite where there is none
};

// The values go to `copy` as well, where there is one.
template <int W, class T>
Surveyed surveyed(const T* x, Index n, T* copy);

// Whether n texts after the first of `at` are all of that size: text r is bytes at[r] .. at[r + 1].
template <int W, class Offset>
bool alike(const Offset* at, Index n, Offset size);

// Multiples of `per` by it; whether all of them are surely that.
template <int W>
bool divided(const Index* x, Index n, Index per, Index* out);

}  // namespace forecaster
