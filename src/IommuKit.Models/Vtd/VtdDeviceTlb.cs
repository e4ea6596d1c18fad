using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <summary>
/// The TLB of a device behind a VT-d unit (an ATC): it asks for translations, keeps them, and goes to memory by them until a device-TLB invalidation
/// names them. What it is not granted it sends untranslated, so that the unit decides.
/// </summary>
/// <remarks>
/// Thread-safe. Give <see cref="TryDrop"/> what <see cref="VtdModel{TMemory}.DeviceTlbInvalidated"/> is told. A <see cref="DmaDevice{TMemory}"/> in
/// front of it is a device with ATS.
/// </remarks>
/// <example>
/// <code>
/// var tlb = new VtdDeviceTlb&lt;DeviceMemory&gt;(unit, source);
/// unit.DeviceTlbInvalidated = tlb.TryDrop;
/// var device = new DmaDevice&lt;DeviceMemory&gt;(tlb, memory, source, source);
/// </code>
/// </example>
/// <typeparam name="TMemory">The unit's accessor to memory.</typeparam>
public sealed class VtdDeviceTlb<TMemory> : IIommuModel
    where TMemory : struct, IMemoryAccessor
{
    // Pages that a device asks for again, at the most.
    private const int MostAgain = 64;

    private const ulong HasPasidBit = 1ul << 20;
    private const ulong PasidMask = HasPasidBit | (HasPasidBit - 1);
    private const ulong LookUpMask = HardwareCache.Valid | HardwareCache.ClassMask | PasidMask;

    private readonly Lock _gate = new();
    private readonly VtdModel<TMemory> _unit;
    private readonly HardwareCache _pages;
    private readonly List<(ulong Address, int Pasid)> _again = [];
    private long _drops;

    /// <summary>Makes a TLB that is empty.</summary>
    /// <param name="unit">The unit that it asks.</param>
    /// <param name="source">Bus, device and function.</param>
    /// <param name="geometry">Its size; 64 sets of 4 ways if left out.</param>
    /// <exception cref="ArgumentException">There is no such cache.</exception>
    public VtdDeviceTlb(VtdModel<TMemory> unit, ushort source, CacheGeometry? geometry = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        var size = geometry ?? new CacheGeometry(64, 4);
        if (!size.IsPossible)
        {
            throw new ArgumentException($"A TLB cannot have {size.Sets} sets of {size.Ways} ways.", nameof(geometry));
        }

        _unit = unit;
        Source = source;
        _pages = new HardwareCache(size);
    }

    /// <summary>Bus, device and function.</summary>
    public ushort Source { get; }

    /// <summary>
    /// Whether the device asks at once again for what it was told to drop, as one that is at work may: then whatever the unit still holds comes back.
    /// </summary>
    public bool AsksAgain { get; init; }

    /// <inheritdoc/>
    public AccessGate Accesses => _unit.Accesses;

    /// <summary>Translates an access without a PASID. The source is the device itself, whatever the request says.</summary>
    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request) =>
        Translate(request.Iova, request.IsWrite ? VtdAccess.Write : VtdAccess.Read).Range;

    /// <summary>
    /// Translates an access by what the TLB holds, or by a translation request; then the unit is asked whether it lets the translated transaction
    /// pass.
    /// </summary>
    public VtdTranslation Translate(ulong address, VtdAccess access, int pasid = VtdRequest.NoPasid)
    {
        if (!TryFind(address, SpaceOf(pasid), out var range) || !Allows(range.Rights, access))
        {
            range = Ask(address, access, pasid);
            if (!Allows(range.Rights, access))
            {
                return _unit.Translate(new VtdRequest(Source, address, access, pasid));
            }
        }

        var passed = _unit.Translate(new VtdRequest(Source, range.PhysicalOf(address), access, pasid, VtdAddressType.Translated));
        return passed.Outcome == VtdOutcome.Allowed ? passed with { Range = Behind(range, address, passed.Range) } : passed;
    }

    /// <summary>Drops what an invalidation names, if this device is meant.</summary>
    /// <returns>True: the device answers in time.</returns>
    public bool TryDrop(VtdDeviceTlbInvalidation invalidation)
    {
        if (invalidation.Source != Source)
        {
            return true;
        }

        ulong space = SpaceOf(invalidation.Pasid ?? VtdRequest.NoPasid) & PasidMask;
        ulong mask = invalidation.IsGlobal ? HasPasidBit : PasidMask;
        (ulong Address, int Pasid)[] again;
        lock (_gate)
        {
            _drops++;
            for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
            {
                int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
                _pages.Drop(
                    (space & mask) | ((ulong)(uint)shift << HardwareCache.ClassShift),
                    mask | HardwareCache.ClassMask,
                    invalidation.Address >> shift,
                    invalidation.LastAddress >> shift);
            }

            again = [.. _again.Where(one => one.Address >= invalidation.Address && one.Address <= invalidation.LastAddress)];
        }

        foreach (var (address, pasid) in again)
        {
            Ask(address, VtdAccess.Read, pasid);
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
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => _unit.ReportDecodeError(request, physicalAddress);

    private static ulong SpaceOf(int pasid) =>
        HardwareCache.Valid | (pasid >= 0 ? HasPasidBit | ((uint)pasid & (HasPasidBit - 1)) : 0);

    private static bool Allows(Protection rights, VtdAccess access) =>
        ((access & VtdAccess.Write) == 0 || (rights & Protection.Write) != 0)
        && ((access & VtdAccess.Read) == 0 || (rights & Protection.Read) != 0)
        && ((access & VtdAccess.Execute) == 0 || (rights & Protection.NoExecute) == 0);

    /// <summary>The part of a range whose translated addresses are let through alike, as an access sees it.</summary>
    private static Translation Behind(in Translation range, ulong address, in Translation passed)
    {
        ulong told = range.PhysicalOf(address);
        ulong before = Math.Min(address - range.Iova, told - passed.Iova);
        ulong after = Math.Min(range.BytesFrom(address), passed.BytesFrom(told));
        return new Translation(IsAllowed: true, address - before, before + after, passed.PhysicalOf(told - before), range.Rights);
    }

    private Translation Ask(ulong address, VtdAccess access, int pasid)
    {
        long drops = Volatile.Read(ref _drops);
        var answer = _unit.Translate(new VtdRequest(Source, address, access, pasid, VtdAddressType.TranslationRequest));
        if (answer.Outcome != VtdOutcome.Allowed || (answer.Range.Rights & (Protection.Read | Protection.Write)) == 0)
        {
            // That nothing is allowed is not kept: the device would not see a page that comes.
            return default;
        }

        Keep(answer.Range, address, pasid, drops);
        return answer.Range;
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

    private void Keep(in Translation range, ulong address, int pasid, long drops)
    {
        if (!ulong.IsPow2(range.Length))
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
                Space = SpaceOf(pasid) | ((ulong)(uint)shift << HardwareCache.ClassShift),
                Mask = ulong.MaxValue,
                A = range.PhysicalAddress,
                B = (ulong)range.Rights,
            });
            if (AsksAgain && _again.Count < MostAgain && !_again.Contains((address, pasid)))
            {
                _again.Add((address, pasid));
            }
        }
    }
}
