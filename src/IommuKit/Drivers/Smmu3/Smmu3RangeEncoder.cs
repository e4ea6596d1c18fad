using System.Numerics;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// Turns a range of IOVAs into invalidations by address, one after the other (IHI 0070, section 4.4.1).
/// </summary>
/// <remarks>
/// <para>
/// A command with TG covers (NUM + 1) · 2^SCALE granules from its address on. With TTL it drops leaves of that level alone, and its address has to be
/// aligned to one of them; NUM, SCALE and TTL must not all be 0. A command without TG is for the page around one address, whatever its size.
/// </para>
/// <para>
/// Leaves of one level get the hint of that level. Where pointers to tables went there is none: leaves of every level below and the tables themselves
/// have to go.
/// </para>
/// </remarks>
internal struct Smmu3RangeEncoder
{
    private const int MostUnitsLog2 = 5;
    private const uint MostUnits = 1 << MostUnitsLog2;

    // SCALE has five bits without 52-bit addresses of small granules.
    private const int MostScale = 31;

    // A command for each five of 40 bits, and for more than 2^36 granules one for each of those.
    private const int MostRanges = 8 + 16;

    private readonly Smmu3CommandCode _code;
    private readonly ushort _vmid;
    private readonly ushort _asid;
    private readonly bool _isLeaf;
    private readonly bool _isCovering;
    private readonly int _granule;
    private readonly int _level;
    private readonly int _unitLog2;
    private ulong _address;
    private ulong _left;

    /// <summary>Begins with the first command.</summary>
    /// <param name="code">Which invalidation.</param>
    /// <param name="vmid">Its VMID.</param>
    /// <param name="asid">Its ASID.</param>
    /// <param name="range">The range.</param>
    /// <param name="rules">How it is encoded.</param>
    public Smmu3RangeEncoder(Smmu3CommandCode code, ushort vmid, ushort asid, in Smmu3Range range, in Smmu3RangeRules rules)
    {
        _code = code;
        _vmid = vmid;
        _asid = asid;
        _isLeaf = range.IsLeaf;
        _address = range.Iova;
        if (!rules.HasRanges)
        {
            _unitLog2 = range.IsLeaf && range.LeafLog2 != 0 ? range.LeafLog2 : rules.GranuleLog2;
            _left = ((range.Bytes - 1) >> _unitLog2) + 1;
            return;
        }

        _unitLog2 = rules.GranuleLog2;
        _granule = (rules.GranuleLog2 - 10) / 2;
        _level = range.IsLeaf && range.LeafLog2 != 0 ? LevelOf(range.LeafLog2, rules.GranuleLog2) : 0;
        _isCovering = rules.Encoding == Smmu3RangeEncoding.Covering;
        _left = ((range.Bytes - 1) >> _unitLog2) + 1;
        if (rules.Encoding == Smmu3RangeEncoding.Padded && _level == 0 && (_left & (MostUnits - 1)) == 1)
        {
            _left++;
        }
    }

    /// <summary>Whether there are at least so many commands left.</summary>
    public readonly bool HasAtLeast(int count)
    {
        if (_granule == 0)
        {
            return _left >= (ulong)count;
        }

        if (count > MostRanges)
        {
            return false;
        }

        var rest = this;
        while (count > 0 && rest.TryNext(out _))
        {
            count--;
        }

        return count == 0;
    }

    /// <summary>The next command.</summary>
    /// <returns>False if the range is covered.</returns>
    public bool TryNext(out Smmu3Command command)
    {
        if (_left == 0)
        {
            command = default;
            return false;
        }

        if (_granule == 0)
        {
            command = Smmu3Command.DropAddress(_code, _address, _vmid, _asid, _isLeaf);
            Advance(1, 0);
            return true;
        }

        int scale = _isCovering ? CoveringScale(_left) : Math.Min(BitOperations.TrailingZeroCount(_left), MostScale);
        ulong units = _isCovering ? ((_left - 1) >> scale) + 1 : (_left >> scale) & (MostUnits - 1);

        // No bit of the five is set only where SCALE cannot be larger.
        units = units == 0 ? MostUnits : Math.Min(units, MostUnits);
        bool isRange = units != 1 || scale != 0 || _level != 0;
        command = isRange
            ? Smmu3Command.DropAddress(_code, _address, _vmid, _asid, _isLeaf, _granule, (int)units - 1, scale, _level)
            : Smmu3Command.DropAddress(_code, _address, _vmid, _asid, _isLeaf);
        Advance(units, scale);
        return true;
    }

    // Arm's level 3 has pages, and each level above has IOVA bits for a table's index more. Of groups, the level of their members.
    private static int LevelOf(int leafLog2, int granuleLog2)
    {
        int level = 4 - ((leafLog2 - 3) / (granuleLog2 - 3));

        // 16 KiB: a hint of level 1 is for 52-bit addresses alone.
        return level < 1 || (granuleLog2 == 14 && level == 1) ? 0 : level;
    }

    private static int CoveringScale(ulong granules) =>
        Math.Min(Math.Max(BitOperations.Log2(granules - 1) + 1 - MostUnitsLog2, 0), MostScale);

    private void Advance(ulong units, int scale)
    {
        ulong covered = units << scale;
        _left -= Math.Min(covered, _left);
        _address += covered << _unitLog2;
    }
}
