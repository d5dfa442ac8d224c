// How Python names the columns that look back.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "windows.hpp"

namespace forecaster {

using Spec = std::tuple<std::string, Index, Index, Index, double>;

inline Op op_of(const Spec& spec) {
    const auto& [stat, window, stride, least, alpha] = spec;
    const Op op{stat_of(stat), window, stride, static_cast<double>(std::max<Index>(least, 1)), alpha};
    if (window < 0 || stride < 1) throw std::invalid_argument("windows must be 0 or more, strides 1 or more");
    if (op.folds() ? op.stat == Stat::lag : op.stat > Stat::median)
        throw std::invalid_argument("'" + stat + (op.folds() ? "' needs a window" : "' takes no window"));
    return op;
}

inline std::vector<Op> ops_of(const std::vector<Spec>& specs) {
    std::vector<Op> ops;
    for (const auto& spec : specs) ops.push_back(op_of(spec));
    return ops;
}

// The values of one series as doubles, without a copy where they are.
template <class T>
const double* as_double(const T* at, Index n, std::vector<double>& room) {
    if constexpr (std::is_same_v<T, double>) {
        return at;
    } else {
        room.assign(at, at + n);
        return room.data();
    }
}

inline void all_columns(const double* x, Index n, const std::vector<Op>& ops, Column first, Index to_next) {
    for (std::size_t k = 0; k < ops.size(); ++k) column(x, n, ops[k], {first.at + static_cast<Index>(k) * to_next, first.step});
}

}  // namespace forecaster
