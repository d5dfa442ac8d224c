// W doubles that are worked on at once: one lane per parameter vector, so a recursion that is sequential in time runs W times.
// A vector type must fit the registers it is compiled for (8 lanes with AVX-512, 4 with AVX2, 2 anywhere): a wider one is
// split badly, so every kernel is a template over W and is compiled once per level (see `kernel` in CMakeLists.txt).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define FORECASTER_INLINE [[gnu::always_inline]] inline

namespace forecaster {

// Spelled out, because GCC 12 takes no vector size that depends on a template parameter.
template <int W>
struct VectorOf;
template <>
struct VectorOf<2> {
    typedef double Vector __attribute__((vector_size(16)));
    typedef std::int64_t Mask __attribute__((vector_size(16)));
};
template <>
struct VectorOf<4> {
    typedef double Vector __attribute__((vector_size(32)));
    typedef std::int64_t Mask __attribute__((vector_size(32)));
};
template <>
struct VectorOf<8> {
    typedef double Vector __attribute__((vector_size(64)));
    typedef std::int64_t Mask __attribute__((vector_size(64)));
};

template <int W>
struct Lanes {
    using Vector = typename VectorOf<W>::Vector;
    using Mask = typename VectorOf<W>::Mask;

    Vector v;

    Lanes() = default;
    FORECASTER_INLINE Lanes(double x) : v(Vector{} + x) {}
    FORECASTER_INLINE Lanes(Vector x) : v(x) {}

    FORECASTER_INLINE static Lanes load(const double* at) {
        Lanes out;
        std::memcpy(&out.v, at, sizeof(Vector));
        return out;
    }
    FORECASTER_INLINE void store(double* at) const { std::memcpy(at, &v, sizeof(Vector)); }

    FORECASTER_INLINE double operator[](int lane) const { return v[lane]; }
    FORECASTER_INLINE void set(int lane, double x) { v[lane] = x; }

    FORECASTER_INLINE friend Lanes operator+(Lanes a, Lanes b) { return a.v + b.v; }
    FORECASTER_INLINE friend Lanes operator-(Lanes a, Lanes b) { return a.v - b.v; }
    FORECASTER_INLINE friend Lanes operator*(Lanes a, Lanes b) { return a.v * b.v; }
    FORECASTER_INLINE friend Lanes operator/(Lanes a, Lanes b) { return a.v / b.v; }
    FORECASTER_INLINE friend Lanes operator-(Lanes a) { return -a.v; }
    FORECASTER_INLINE Lanes& operator+=(Lanes b) { return v += b.v, *this; }
    FORECASTER_INLINE Lanes& operator-=(Lanes b) { return v -= b.v, *this; }
    FORECASTER_INLINE Lanes& operator*=(Lanes b) { return v *= b.v, *this; }
    FORECASTER_INLINE Lanes& operator/=(Lanes b) { return v /= b.v, *this; }

    FORECASTER_INLINE friend Mask operator<(Lanes a, Lanes b) { return a.v < b.v; }
    FORECASTER_INLINE friend Mask operator<=(Lanes a, Lanes b) { return a.v <= b.v; }
    FORECASTER_INLINE friend Mask operator>(Lanes a, Lanes b) { return a.v > b.v; }
    FORECASTER_INLINE friend Mask operator>=(Lanes a, Lanes b) { return a.v >= b.v; }
    FORECASTER_INLINE friend Mask operator==(Lanes a, Lanes b) { return a.v == b.v; }

    // `yes` where the mask holds, else `no`; masks combine with & | ~.
    FORECASTER_INLINE friend Lanes select(Mask mask, Lanes yes, Lanes no) { return mask ? yes.v : no.v; }
    // The second where a comparison with NaN fails, as the hardware does.
    FORECASTER_INLINE friend Lanes max(Lanes a, Lanes b) { return a.v > b.v ? a.v : b.v; }
    FORECASTER_INLINE friend Lanes min(Lanes a, Lanes b) { return a.v < b.v ? a.v : b.v; }
    FORECASTER_INLINE friend Lanes abs(Lanes a) { return max(a, -a); }

    FORECASTER_INLINE friend Lanes sqrt(Lanes a) {
#if defined(__AVX512F__)
        if constexpr (W == 8) return Vector(_mm512_sqrt_pd(__m512d(a.v)));
#endif
#if defined(__AVX2__)
        if constexpr (W == 4) return Vector(_mm256_sqrt_pd(__m256d(a.v)));
#endif
#if defined(__SSE2__)
        if constexpr (W == 2) return Vector(_mm_sqrt_pd(__m128d(a.v)));
#endif
        return each(a, [](double x) { return std::sqrt(x); });
    }
    FORECASTER_INLINE friend Lanes log(Lanes a) { return each(a, [](double x) { return std::log(x); }); }
    FORECASTER_INLINE friend Lanes exp(Lanes a) { return each(a, [](double x) { return std::exp(x); }); }

    // The largest lane; NaN lanes are passed over.
    FORECASTER_INLINE friend double largest(Lanes a) {
        double most = -std::numeric_limits<double>::infinity();
        for (int l = 0; l < W; ++l) most = a.v[l] > most ? a.v[l] : most;
        return most;
    }

    // One lane at a time, for what has no vector instruction.
    template <class Function>
    FORECASTER_INLINE friend Lanes each(Lanes a, Function function) {
        for (int l = 0; l < W; ++l) a.v[l] = function(a.v[l]);
        return a;
    }
};

}  // namespace forecaster
