using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json.Serialization;

namespace IommuKit.Lab.Machines;

/// <summary>
/// What a machine did, by kind of operation and purpose: counted, not estimated. Take two and subtract them to get what happened between; that
/// allocates nothing.
/// </summary>
[JsonConverter(typeof(OperationCountsConverter))]
public struct OperationCounts : IEquatable<OperationCounts>
{
    // Kinds come first, each with all its operations in a slot; then for those that have one a slot for each purpose.
    private const int Kinds = (int)OperationKind.Wait + 1;
    private const int Purposes = 4;
    private const int RegisterWrites = Kinds;
    private const int RegisterReads = RegisterWrites + Purposes;
    private const int Commands = RegisterReads + Purposes;

    // Rounded up to whole vectors.
    private const int Slots = 32;
    private SlotArray _slots;

    /// <summary>Operations that keep caches in step: register accesses, commands, requests, lines cleaned.</summary>
    public readonly long Maintenance =>
        this[OperationKind.RegisterWrite] + this[OperationKind.RegisterRead] + this[OperationKind.LineCleaned]
        + this[OperationKind.Command] + this[OperationKind.Doorbell] + this[OperationKind.Request];

    /// <summary>Operations of a kind, whatever they were for.</summary>
    public readonly long this[OperationKind kind] => _slots[(int)kind];

    /// <summary>Operations of a kind for a purpose; for none, those of which it is not known.</summary>
    public readonly long this[OperationKind kind, OperationPurpose purpose]
    {
        get
        {
            if (purpose != OperationPurpose.None)
            {
                return _slots[SlotOf(kind, purpose)];
            }

            long known = 0;
            for (int i = 0; i < Purposes && kind.HasPurpose(); i++)
            {
                known += _slots[FirstOf(kind) + i];
            }

            return _slots[(int)kind] - known;
        }
    }

    /// <summary>All operations of each kind, in order.</summary>
    [UnscopedRef]
    internal readonly ReadOnlySpan<long> Totals => ((ReadOnlySpan<long>)_slots)[..Kinds];

    /// <summary>What was added since an earlier count.</summary>
    public static OperationCounts operator -(in OperationCounts later, in OperationCounts earlier)
    {
        Unsafe.SkipInit(out OperationCounts difference);
        var to = MemoryMarshal.Cast<long, Vector256<long>>((Span<long>)difference._slots);
        var from = MemoryMarshal.Cast<long, Vector256<long>>((ReadOnlySpan<long>)later._slots);
        var less = MemoryMarshal.Cast<long, Vector256<long>>((ReadOnlySpan<long>)earlier._slots);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i] - less[i];
        }

        return difference;
    }

    /// <summary>Both.</summary>
    public static OperationCounts operator +(in OperationCounts one, in OperationCounts other)
    {
        Unsafe.SkipInit(out OperationCounts sum);
        for (int slot = 0; slot < Slots; slot++)
        {
            sum._slots[slot] = one._slots[slot] + other._slots[slot];
        }

        return sum;
    }

    /// <summary>Counts what came since an earlier count some more times.</summary>
    internal void Repeat(in OperationCounts earlier, long times)
    {
        var counts = MemoryMarshal.Cast<long, Vector256<long>>((Span<long>)_slots);
        var from = MemoryMarshal.Cast<long, Vector256<long>>((ReadOnlySpan<long>)earlier._slots);
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] += (counts[i] - from[i]) * times;
        }
    }

    /// <summary>Whether all counts are the same.</summary>
    public static bool operator ==(in OperationCounts left, in OperationCounts right) => left.Equals(right);

    /// <summary>Whether some count is different.</summary>
    public static bool operator !=(in OperationCounts left, in OperationCounts right) => !left.Equals(right);

    /// <summary>Invalidations of a cache: register accesses and commands for it.</summary>
    public readonly long For(OperationPurpose purpose) =>
        this[OperationKind.RegisterWrite, purpose] + this[OperationKind.RegisterRead, purpose] + this[OperationKind.Command, purpose];

    /// <summary>Counts some more operations of a kind whose purpose does not matter.</summary>
    public void Add(OperationKind kind, long count) => _slots[(int)kind] += count;

    /// <summary>Counts some more operations of a kind for a purpose.</summary>
    /// <exception cref="ArgumentException">The kind has no purposes.</exception>
    public void Add(OperationKind kind, OperationPurpose purpose, long count)
    {
        if (purpose != OperationPurpose.None)
        {
            _slots[SlotOf(kind, purpose)] += count;
        }

        _slots[(int)kind] += count;
    }

    /// <summary>These counts, but those of what passes between driver and hardware from elsewhere.</summary>
    public readonly OperationCounts WithHardwareOf(in OperationCounts other)
    {
        var counts = this;
        foreach (var kind in OperationKinds.All)
        {
            if (kind.IsOfHardware())
            {
                counts._slots[(int)kind] = other._slots[(int)kind];
            }
        }

        // Behind the kinds are the purposes, which only accesses and commands have.
        ((ReadOnlySpan<long>)other._slots)[Kinds..].CopyTo(((Span<long>)counts._slots)[Kinds..]);
        return counts;
    }

    /// <summary>The counts as a vector with an element for each <see cref="OperationKind"/>.</summary>
    public readonly double[] ToVector()
    {
        double[] vector = new double[Kinds];
        for (int kind = 0; kind < Kinds; kind++)
        {
            vector[kind] = _slots[kind];
        }

        return vector;
    }

    /// <inheritdoc/>
    public readonly bool Equals(OperationCounts other) => ((ReadOnlySpan<long>)_slots).SequenceEqual(other._slots);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is OperationCounts other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(MemoryMarshal.AsBytes((ReadOnlySpan<long>)_slots));
        return hash.ToHashCode();
    }

    /// <summary>
    /// Where a meter counts operations of a kind for a purpose: 0 for <see cref="OperationKind.MapCall"/> only, which passes no meter.
    /// <see cref="AddPurposes"/> makes whole counts of it.
    /// </summary>
    internal static int SlotOf(OperationKind kind, OperationPurpose purpose) => purpose == OperationPurpose.None
        ? (int)kind
        : kind.HasPurpose() ? FirstOf(kind) + (int)purpose - 1
        : throw new ArgumentException($"{kind} is not counted by purpose.", nameof(purpose));

    /// <summary>A slot, for who counts.</summary>
    [UnscopedRef]
    internal ref long Slot(int slot) => ref _slots[slot];

    /// <summary>The counts while other threads go on counting: each is whole.</summary>
    internal static void Read(ref OperationCounts shared, out OperationCounts counts)
    {
        Unsafe.SkipInit(out counts);
        for (int slot = 0; slot < Slots; slot++)
        {
            counts._slots[slot] = Volatile.Read(ref shared._slots[slot]);
        }
    }

    /// <summary>Adds what was counted for each purpose to the totals, where it was counted there only.</summary>
    internal void AddPurposes()
    {
        Total(OperationKind.RegisterWrite, RegisterWrites);
        Total(OperationKind.RegisterRead, RegisterReads);
        Total(OperationKind.Command, Commands);
    }

    private static int FirstOf(OperationKind kind) => kind switch
    {
        OperationKind.RegisterWrite => RegisterWrites,
        OperationKind.RegisterRead => RegisterReads,
        _ => Commands,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Total(OperationKind kind, int first) =>
        _slots[(int)kind] += _slots[first] + _slots[first + 1] + _slots[first + 2] + _slots[first + 3];

    [InlineArray(Slots)]
    private struct SlotArray
    {
        private long _first;
    }
}
