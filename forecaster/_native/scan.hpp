// What a pass over the values of one series tells: compiled for several widths of the processor's registers (see scan_lanes.cpp).
#pragma once

#include <cstdint>

namespace forecaster {

using Index = std::int64_t;

struct Surveyed {
    double known;            // how many are finite
    double lowest, highest;  // NaN where there are none
    double least;            // size above zero; infinite where there is none
};

template <int W, class T>
Surveyed surveyed(const T* x, Index n);

}  // namespace forecaster
