// forecaster._native.windows: look-back features of all series of a table in one call (see windows.pyi).
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <optional>

#include "arrays.hpp"
#include "specs.hpp"

namespace nb = nanobind;
using namespace forecaster;

namespace {

template <class T>
void fill(const Row<const T>& values, const Row<const Index>& indptr, const std::vector<Spec>& specs, const Loose<float>& out,
          const std::optional<Row<const Index>>& rows, Index threads) {
    const Index series = series_of(values, indptr);
    const auto ops = ops_of(specs);
    const Index* wanted = rows ? rows->data() : nullptr;
    const Index n_wanted = rows ? static_cast<Index>(rows->size()) : static_cast<Index>(values.size());
    expect(out.shape(0) == static_cast<std::size_t>(n_wanted) && out.shape(1) == ops.size(), "out must have one row per row and one column per op");
    expect(!rows || (std::is_sorted(wanted, wanted + n_wanted) &&
                     (n_wanted == 0 || (wanted[0] >= 0 && wanted[n_wanted - 1] < static_cast<Index>(values.size())))),
           "rows must ascend and lie in the table");
    const Index k = static_cast<Index>(ops.size());

    over_series(indptr.data(), series, threads, [&](Index first, Index last) {
        std::vector<double> room;
        std::vector<float> sheet;
        for (Index s = first; s < last; ++s) {
            const Index begin = indptr(s), n = indptr(s + 1) - begin;
            if (!rows) {
                float* at = out.data() + begin * out.stride(0);
                all_columns(as_double(values.data() + begin, n, room), n, ops, {at, out.stride(0)}, out.stride(1));
                continue;
            }
            const Index* from = std::lower_bound(wanted, wanted + n_wanted, begin);
            const Index* to = std::lower_bound(from, wanted + n_wanted, begin + n);
            if (from == to) continue;
            sheet.resize(n * k);
            all_columns(as_double(values.data() + begin, n, room), n, ops, {sheet.data(), k}, 1);
            for (; from != to; ++from)
                for (Index c = 0; c < k; ++c) out.data()[(from - wanted) * out.stride(0) + c * out.stride(1)] = sheet[(*from - begin) * k + c];
        }
    });
}

void tips(const Sheet<const double>& recent, const std::vector<Spec>& specs, const Loose<float>& out) {
    const auto ops = ops_of(specs);
    expect(out.shape(0) == recent.shape(0) && out.shape(1) == ops.size(), "out must have one row per series and one column per op");
    const Index n = static_cast<Index>(recent.shape(1));
    for (std::size_t s = 0; s < recent.shape(0); ++s)
        for (std::size_t k = 0; k < ops.size(); ++k) out(s, k) = tip(recent.data() + static_cast<Index>(s) * n, n, ops[k]);
}

// A state is a part and a mark that it has begun: zeros are the state before the first value.
constexpr int state_width = part_width + 1;

void carry_on(const Row<const double>& values, const Row<const Index>& indptr, const Spec& spec, const Loose<double>& state, const Row<float>& out) {
    const Index series = series_of(values, indptr);
    expect(static_cast<Index>(state.shape(0)) == series && state.shape(1) == state_width && (series == 0 || state.stride(1) == 1), "state must be (series, STATE_WIDTH)");
    expect(out.size() == values.size(), "out must have one number per value");
    const Op op = op_of(spec);
    with_part(op.stat, [&]<class Part>() {
        static_assert(sizeof(Part) <= part_width * sizeof(double) && std::is_trivially_copyable_v<Part>);
        for (Index s = 0; s < series; ++s) {
            double* kept = state.data() + s * state.stride(0);
            Part part = fresh<Part>(op);
            if (kept[part_width] != 0) std::memcpy(static_cast<void*>(&part), kept, sizeof(Part));
            fold(Strided{values.data() + indptr(s), 1, indptr(s + 1) - indptr(s)}, op, part, Column{out.data() + indptr(s), 1});
            std::memcpy(kept, &part, sizeof(Part));
            kept[part_width] = 1;
        }
    });
}

// Some columns of a matrix: row i of it is row index[i] of the values, missing where that is negative.
using Part = std::tuple<Sheet<const float>, Row<const Index>>;

bool nothing_in(const float* row, Index first, Index last) {
    for (Index c = first; c < last; ++c)
        if (row[c] == row[c]) return false;
    return first < last;
}

Index gather(const std::vector<Part>& parts, const Loose<float>& out, Index first, Index last, const Row<bool>& kept) {
    struct Source {
        const float* values;
        const Index* index;
        Index width, height;
    };
    std::vector<Source> sources;
    const Index n = static_cast<Index>(kept.size()), room = static_cast<Index>(out.shape(0));
    Index width = 0;
    for (const auto& [values, index] : parts) {
        expect(static_cast<Index>(index.size()) == n, "every part must have one index per row");
        sources.push_back({values.data(), index.data(), static_cast<Index>(values.shape(1)), static_cast<Index>(values.shape(0))});
        width += sources.back().width;
    }
    expect(static_cast<Index>(out.shape(1)) == width, "out must have the columns of all parts, side by side");
    expect(0 <= first && first <= last && last <= width, "the columns that decide must be columns of out");
    expect(room >= n, "out must have room for every row");
    const bool in_place = width == 0 || out.stride(1) == 1;
    std::vector<float> line(width);
    Index filled = 0;
    for (Index i = 0; i < n; ++i) {
        float* home = out.data() + filled * out.stride(0);
        float* row = in_place ? home : line.data();
        float* at = row;
        for (const auto& source : sources) {
            const Index from = source.index[i];
            expect(from < source.height, "an index lies past the end of its values");
            if (from < 0) std::fill_n(at, source.width, static_cast<float>(missing));
            else std::copy_n(source.values + from * source.width, source.width, at);
            at += source.width;
        }
        if (!in_place)
            for (Index c = 0; c < width; ++c) home[c * out.stride(1)] = row[c];
        kept(i) = !nothing_in(row, first, last);
        filled += kept(i);
    }
    return filled;
}

}  // namespace

NB_MODULE(windows, m) {
    m.attr("STATE_WIDTH") = state_width;
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    m.def("fill", &fill<double>, nb::arg("values").noconvert(), nb::arg("indptr"), nb::arg("ops"), nb::arg("out").noconvert(),
          nb::arg("rows") = nb::none(), nb::arg("threads") = 1, unlocked);
    m.def("fill", &fill<float>, nb::arg("values").noconvert(), nb::arg("indptr"), nb::arg("ops"), nb::arg("out").noconvert(),
          nb::arg("rows") = nb::none(), nb::arg("threads") = 1, unlocked);
    m.def("tips", &tips, nb::arg("recent"), nb::arg("ops"), nb::arg("out").noconvert(), unlocked);
    m.def("gather", &gather, nb::arg("parts"), nb::arg("out").noconvert(), nb::arg("first"), nb::arg("last"), nb::arg("kept").noconvert(), unlocked);
    m.def("carry_on", &carry_on, nb::arg("values"), nb::arg("indptr"), nb::arg("op"), nb::arg("state").noconvert(), nb::arg("out").noconvert(),
          unlocked);
}
