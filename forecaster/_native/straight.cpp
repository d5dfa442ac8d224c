// forecaster._native.straight: rows of a feature matrix one step ahead of their origin, each written once where it stays (see
// straight.pyi). One series after another gets all of its columns, while its rows lie in the processor's cache.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>

#include "arrays.hpp"
#include "specs.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

using Values = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
// column, values (rows,), ops, rows that the origin lies back from the row before
using LookSpec = std::tuple<Index, Values, std::vector<Spec>, Index>;
// column, values (n, k), places, how far the place of a row moves on from row to row; -1 for a place of each row's own
using PartSpec = std::tuple<Index, Sheet<const float>, Row<const Index>, Index>;

struct Look {
    Index column, back;
    const double* doubles;
    const float* floats;
    std::vector<Op> ops;

    const double* from(Index row, Index n, std::vector<double>& room) const {
        return doubles ? doubles + row : as_double(floats + row, n, room);
    }
};

struct Part {
    Index column, width, height, moves;
    const float* values;
    const Index* places;
};

// Some rows of some columns, in any layout.
struct Corner {
    float* at;
    Index to_row, to_column;
    Corner of(Index row, Index column) const { return {at + row * to_row + column * to_column, to_row, to_column}; }
    float& operator()(Index row, Index column) const { return at[row * to_row + column * to_column]; }
};

// The look-backs of the rows from `cut` on of a series of n values.
void look_back(const Look& look, Index row, Index n, Index cut, Corner out, std::vector<double>& room) {
    const Index behind = std::min(look.back + 1, n), seen = n - behind;
    for (std::size_t k = 0; k < look.ops.size(); ++k)
        for (Index r = 0; r < behind - cut; ++r) out(r, static_cast<Index>(k)) = static_cast<float>(missing);
    const Corner there = out.of(behind - cut, 0);
    if (seen > 0) all_columns(look.from(row, seen, room), seen, look.ops, {there.at, there.to_row}, there.to_column);
}

void copy(const Part& part, Index series, Index row, Index n, Index cut, Corner out) {
    for (Index r = cut; r < n; ++r) {
        const Index place = part.moves < 0 ? part.places[row + r] : part.places[series] + r * part.moves;
        expect(place < part.height, "a place lies past the end of its values");
        const float* from = part.values + place * part.width;
        for (Index c = 0; c < part.width; ++c) out(r - cut, c) = place < 0 ? static_cast<float>(missing) : from[c];
    }
}

bool is_blank(Corner row, Index first, Index last) {
    for (Index c = first; c < last; ++c)
        if (!std::isnan(row(0, c))) return false;
    return first < last;
}

std::vector<Look> looks_of(const std::vector<LookSpec>& specs, Index rows, Index columns) {
    std::vector<Look> looks;
    for (const auto& [column, values, ops, back] : specs) {
        const bool doubles = values.dtype() == nb::dtype<double>();
        expect(doubles || values.dtype() == nb::dtype<float>(), "values must be doubles or floats");
        expect(static_cast<Index>(values.size()) == rows, "values must be as many as the rows of the series");
        expect(column >= 0 && back >= 0 && column + static_cast<Index>(ops.size()) <= columns, "look-backs must have their columns in out");
        looks.push_back({column, back, doubles ? static_cast<const double*>(values.data()) : nullptr,
                         doubles ? nullptr : static_cast<const float*>(values.data()), ops_of(ops)});
    }
    return looks;
}

std::vector<Part> parts_of(const std::vector<PartSpec>& specs, Index rows, Index series, Index columns) {
    std::vector<Part> parts;
    for (const auto& [column, values, places, moves] : specs) {
        const Index width = static_cast<Index>(values.shape(1));
        expect(static_cast<Index>(places.size()) == (moves < 0 ? rows : series), "a part has a place for each series, or for each row");
        expect(column >= 0 && column + width <= columns, "parts must have their columns in out");
        parts.push_back({column, width, static_cast<Index>(values.shape(0)), moves, values.data(), places.data()});
    }
    return parts;
}

Index fill(const Row<const double>& target, const Row<const Index>& indptr, const std::vector<LookSpec>& look_specs,
           const std::vector<PartSpec>& part_specs, const Loose<float>& out, const std::tuple<Index, Index>& deciding, bool every, bool cut_first,
           const Row<Index>& kept) {
    const Index series = series_of(target, indptr), rows = static_cast<Index>(target.size()), columns = static_cast<Index>(out.shape(1));
    const auto looks = looks_of(look_specs, rows, columns);
    const auto parts = parts_of(part_specs, rows, series, columns);
    const auto [first, last] = deciding;
    expect(0 <= first && first <= last && last <= columns, "the columns that decide must be columns of out");
    Index needed = 0;
    for (Index s = 0; s < series; ++s) needed += std::max<Index>(indptr(s + 1) - indptr(s) - cut_first, 0);
    expect(static_cast<Index>(out.shape(0)) >= needed && static_cast<Index>(kept.size()) >= (every ? 0 : needed), "out must have room for every row");

    Corner home{out.data(), out.stride(0), out.stride(1)};
    std::vector<double> room;
    Index filled = 0;
    for (Index s = 0; s < series; ++s) {
        const Index begin = indptr(s), n = indptr(s + 1) - begin, cut = cut_first && n > 0;
        const Corner block = home.of(filled, 0);
        for (const auto& look : looks) look_back(look, begin, n, cut, block.of(0, look.column), room);
        for (const auto& part : parts) copy(part, s, begin, n, cut, block.of(0, part.column));
        Index stay = every ? n - cut : 0;
        for (Index r = cut; r < n && !every; ++r) {
            if (!std::isfinite(target(begin + r)) || is_blank(block.of(r - cut, 0), first, last)) continue;
            if (stay < r - cut)
                for (Index c = 0; c < columns; ++c) block(stay, c) = block(r - cut, c);
            kept(filled + stay++) = begin + r;
        }
        filled += stay;
    }
    return filled;
}

}  // namespace

NB_MODULE(straight, m) {
    m.def("fill", &fill, nb::arg("target"), nb::arg("indptr"), nb::arg("looks"), nb::arg("parts"), nb::arg("out").noconvert(),
          nb::arg("deciding"), nb::arg("every"), nb::arg("cut"), nb::arg("kept").noconvert(), nb::call_guard<nb::gil_scoped_release>());
}
