using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// The TLB of a device behind an SMMUv3 (an ATC): it asks for translations, keeps them, and goes to memory by them until CMD_ATC_INV names them.
/// </summary>
/// <remarks>
/// Thread-safe. Give <see cref="TryDrop"/> what <see cref="Smmu3Model{TMemory}.DeviceTlbInvalidated"/> is told. A <see cref="DmaDevice{TMemory}"/>
/// in front of it is a device with ATS.
/// </remarks>
/// <example>
/// <code>
/// var tlb = new Smmu3DeviceTlb&lt;DeviceMemory&gt;(smmu, streamId);
/// smmu.DeviceTlbInvalidated = tlb.TryDrop;
/// var device = new DmaDevice&lt;DeviceMemory&gt;(tlb, memory, 0, 0);
/// </code>
/// </example>
/// <typeparam name="TMemory">The SMMU's accessor to memory.</typeparam>
public sealed class Smmu3DeviceTlb<TMemory> : IIommuModel
    where TMemory : struct, IMemoryAccessor
{
    // Pages that a device asks for again, at the most.
    private const int MostAgain = 64;

    private const ulong HasSubstreamBit = 1ul << 20;
    private const ulong PrivilegedBit = 1ul << 21;
    private const ulong SubstreamMask = HasSubstreamBit | (HasSubstreamBit - 1);
    private const ulong LookUpMask = HardwareCache.Valid | HardwareCache.ClassMask | SubstreamMask | PrivilegedBit;

    private readonly Lock _gate = new();
    private readonly Smmu3Model<TMemory> _smmu;
    private readonly HardwareCache _pages;
    private readonly List<(ulong Address, int Substream)> _again = [];
    private long _drops;

    /// <summary>Makes a TLB that is empty.</summary>
    /// <param name="smmu">The SMMU that it asks.</param>
    /// <param name="streamId">The device's StreamID.</param>
    /// <param name="geometry">Its size; 64 sets of 4 ways if left out.</param>
    /// <exception cref="ArgumentException">There is no such cache.</exception>
    public Smmu3DeviceTlb(Smmu3Model<TMemory> smmu, uint streamId, CacheGeometry? geometry = null)
    {
        ArgumentNullException.ThrowIfNull(smmu);
        var size = geometry ?? new CacheGeometry(64, 4);
        if (!size.IsPossible)
        {
            throw new ArgumentException($"A TLB cannot have {size.Sets} sets of {size.Ways} ways.", nameof(geometry));
        }

        _smmu = smmu;
        StreamId = streamId;
        _pages = new HardwareCache(size);
    }

    /// <summary>The device's StreamID.</summary>
    public uint StreamId { get; }

    /// <summary>
    /// Whether the device asks at once again for what it was told to drop, as one that is at work may: then whatever the SMMU still holds comes back.
    /// </summary>
    public bool AsksAgain { get; init; }

    /// <inheritdoc/>
    public AccessGate Accesses => _smmu.Accesses;

    /// <summary>Translates an access without a substream. The source is the device itself, whatever the request says.</summary>
    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        var access = (request.IsWrite ? Smmu3Access.Write : Smmu3Access.Read) | (request.IsPrivileged ? Smmu3Access.Privileged : 0);
        return Translate(request.Iova, access).Range;
    }

    /// <summary>
    /// Translates an access by what the TLB holds, or by a translation request; then the SMMU is asked whether it lets the translated transaction
    /// pass.
    /// </summary>
    public Smmu3Translation Translate(ulong address, Smmu3Access access, int substream = Smmu3Request.NoSubstream)
    {
        if (!TryFind(address, SpaceOf(access, substream), out var range) || !Allows(range.Rights, access))
        {
            var answer = Ask(address, access, substream);
            if (answer.Outcome != Smmu3Outcome.Allowed)
            {
                return answer;
            }

            range = answer.Range;
            if (!Allows(range.Rights, access))
            {
                return new Smmu3Translation(Smmu3Outcome.Abort, Translation.Fault, answer.Event);
            }
        }

        var passed = _smmu.Translate(new Smmu3Request(StreamId, range.PhysicalOf(address), access, substream, Smmu3RequestKind.Translated));
        return passed.Outcome == Smmu3Outcome.Allowed ? passed with { Range = Behind(range, address, passed.Range) } : passed;
    }

    /// <summary>Drops what CMD_ATC_INV names, if this device is meant.</summary>
    /// <returns>True: the device answers in time.</returns>
    public bool TryDrop(Smmu3DeviceTlbInvalidation invalidation)
    {
        if (invalidation.StreamId != StreamId)
        {
            return true;
        }

        // Without a substream, all of them are meant.
        bool isOne = !invalidation.IsGlobal && invalidation.SubstreamId is not null;
        ulong space = isOne ? HasSubstreamBit | invalidation.SubstreamId!.Value : 0;
        ulong mask = isOne ? SubstreamMask : 0;
        (ulong Address, int Substream)[] again;
        lock (_gate)
        {
            _drops++;
            for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
            {
                int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
                _pages.Drop(
                    space | ((ulong)(uint)shift << HardwareCache.ClassShift),
                    mask | HardwareCache.ClassMask,
                    invalidation.First >> shift,
                    invalidation.Last >> shift);
            }

            again = [.. _again.Where(one => one.Address >= invalidation.First && one.Address <= invalidation.Last)];
        }

        foreach (var (address, substream) in again)
        {
            Ask(address, Smmu3Access.Read, substream);
        }

        return true;
    }

    /// <summary>Lets the TLB forget everything, as it may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            _drops++;
            _again.Clear();
            _pages.Clear();
        }
    }

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => _smmu.ReportDecodeError(request, physicalAddress);

    private static ulong SpaceOf(Smmu3Access access, int substream) => HardwareCache.Valid
        | (substream >= 0 ? HasSubstreamBit | ((uint)substream & (HasSubstreamBit - 1)) : 0)
        | ((access & Smmu3Access.Privileged) != 0 ? PrivilegedBit : 0);

    private static bool Allows(Protection rights, Smmu3Access access) =>
        ((access & Smmu3Access.Write) == 0 || (rights & Protection.Write) != 0)
        && ((access & Smmu3Access.Execute) != 0
            ? (rights & Protection.NoExecute) == 0
            : (access & Smmu3Access.Read) == 0 || (rights & Protection.Read) != 0);

    /// <summary>The part of a range whose translated addresses are let through alike, as an access sees it.</summary>
    private static Translation Behind(in Translation range, ulong address, in Translation passed)
    {
        ulong told = range.PhysicalOf(address);
        ulong before = Math.Min(address - range.Iova, told - passed.Iova);
        ulong after = Math.Min(range.BytesFrom(address), passed.BytesFrom(told));
        return new Translation(IsAllowed: true, address - before, before + after, passed.PhysicalOf(told - before), range.Rights);
    }

    private Smmu3Translation Ask(ulong address, Smmu3Access access, int substream)
    {
        long drops = Volatile.Read(ref _drops);
        var answer = _smmu.Translate(new Smmu3Request(StreamId, address, access, substream, Smmu3RequestKind.TranslationRequest));
        if (answer.Outcome == Smmu3Outcome.Allowed)
        {
            Keep(answer.Range, address, access, substream, drops);
        }

        return answer;
    }

    private bool TryFind(ulong address, ulong space, out Translation range)
    {
        for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            if (_pages.TryFind(address >> shift, space | ((ulong)(uint)shift << HardwareCache.ClassShift), LookUpMask, out var entry))
            {
                range = new Translation(IsAllowed: true, address >> shift << shift, 1ul << shift, entry.A, (Protection)entry.B);
                return true;
            }
        }

        range = default;
        return false;
    }

    private void Keep(in Translation range, ulong address, Smmu3Access access, int substream, long drops)
    {
        // That nothing is allowed is not kept: the device would not see a page that comes.
        if ((range.Rights & (Protection.Read | Protection.Write)) == 0 || !ulong.IsPow2(range.Length))
        {
            return;
        }

        int shift = int.CreateTruncating(ulong.Log2(range.Length));
        lock (_gate)
        {
            if (drops != _drops)
            {
                return;
            }

            _pages.Add(new CacheEntry
            {
                Key = range.Iova >> shift,
                Space = SpaceOf(access, substream) | ((ulong)(uint)shift << HardwareCache.ClassShift),
                Mask = ulong.MaxValue,
                A = range.PhysicalAddress,
                B = (ulong)range.Rights,
            });
            if (AsksAgain && _again.Count < MostAgain && !_again.Contains((address, substream)))
            {
                _again.Add((address, substream));
            }
        }
    }
}
