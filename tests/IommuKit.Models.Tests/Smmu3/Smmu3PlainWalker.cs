using System.Buffers.Binary;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>
/// What the SMMUv3 architecture says of a transaction, written down once more and as plainly as it goes: no cache, no shared code but the numbers of
/// events.
/// It never stores, and knows streams that do not stall.
/// </summary>
internal sealed class Smmu3PlainWalker(Smmu3Unit unit, Func<ulong, ulong?> load, ulong streamTable, uint streamConfig, uint control2)
{
    private readonly int _oas = new[] { 32, 36, 40, 42, 44, 48, 52, 52 }[unit.Idr5 & 7];

    // The transaction that is being looked at.
    private Smmu3Request _request;
    private bool _isPrivileged;
    private bool _isInstruction;
    private ulong[] _ste = [];
    private ulong[] _cd = [];

    public Answer Ask(Smmu3Request request)
    {
        _request = request;
        _cd = [];
        _ste = [];
        _isPrivileged = (request.Access & Smmu3Access.Privileged) != 0;
        _isInstruction = (request.Access & Smmu3Access.Execute) != 0 && !request.IsWrite;
        var status = ReadStream();
        if (status is { } failed)
        {
            return failed;
        }

        int config = F(_ste[0], 1, 3);
        if (config < 4)
        {
            return new Answer(Type: 0);
        }

        switch (F(_ste[1], 48, 2))
        {
            case 2: _isPrivileged = false; break;
            case 3: _isPrivileged = true; break;
            default: break;
        }

        if (!request.IsWrite)
        {
            _isInstruction = F(_ste[1], 50, 2) switch { 2 => false, 3 => true, _ => _isInstruction };
        }

        bool first = (config & 1) != 0;
        bool second = (config & 2) != 0;
        int substreamBits = F(_ste[0], 59, 5);
        int dss = F(_ste[1], 0, 2);
        int substream = Math.Max(request.SubstreamId, 0);
        if (request.SubstreamId >= 0)
        {
            if (!first || substreamBits == 0 || substream >= 1 << substreamBits)
            {
                return Stop(0x08);
            }

            if (substream == 0 && dss == 2)
            {
                return Stop(0x06);
            }
        }
        else if (first && substreamBits != 0 && dss != 2)
        {
            if (dss != 1)
            {
                return Stop(0x06);
            }

            first = false;
        }

        if (!first)
        {
            return TooWide(request.Address) ? Stop(0x11, always: true)
                : !second ? new Answer(IsAllowed: true, request.Address, true, true, true)
                : Second(request.Address, faultClass: 2, write: request.IsWrite, checks: true);
        }

        if (ReadContext(substream, substreamBits, second) is { } bad)
        {
            return bad;
        }

        return First(request.Address, second);
    }

    private Answer? ReadStream()
    {
        int bits = Math.Min((int)(streamConfig & 0x3f), F(unit.Idr1, 0, 6));
        if (bits < 32 && _request.StreamId >> bits != 0)
        {
            return (control2 & 2) != 0 ? Stop(0x02) : new Answer(Type: 0x02, IsSilent: true);
        }

        ulong place;
        if (F(streamConfig, 16, 2) != 1 || F(unit.Idr0, 27, 2) != 1)
        {
            ulong size = 64ul << bits;
            place = (streamTable & 0xff_ffff_ffff_ffc0) / size * size + (_request.StreamId * 64ul);
        }
        else
        {
            int split = F(streamConfig, 6, 5) is 8 or 10 ? F(streamConfig, 6, 5) : 6;
            ulong size = Math.Max(64, bits > split ? 8ul << (bits - split) : 0);
            ulong entry = (streamTable & 0xff_ffff_ffff_ffc0) / size * size + ((ulong)(_request.StreamId >> split) * 8);
            if (Fetch(entry) is not { } pointer)
            {
                return StopFetch(0x03, entry);
            }

            int span = F(pointer, 0, 5);
            uint low = _request.StreamId % (1u << split);
            if (span is 0 or > 11 || span > split + 1 || low >= 1u << (span - 1))
            {
                return (control2 & 2) != 0 ? Stop(0x02) : new Answer(Type: 0x02, IsSilent: true);
            }

            ulong tableSize = 64ul << (span - 1);
            place = (pointer & 0xff_ffff_ffff_ffc0) / tableSize * tableSize + (low * 64ul);
        }

        if (Words(place) is not { } words)
        {
            return StopFetch(0x03, place);
        }

        _ste = words;
        if (F(words[0], 0, 1) == 0)
        {
            return Stop(0x04);
        }

        int config = F(words[0], 1, 3);
        if (config <= 4)
        {
            return null;
        }

        bool first = (config & 1) != 0;
        bool second = (config & 2) != 0;
        int stallModel = F(unit.Idr0, 24, 2);
        int eats = F(words[1], 28, 2);
        bool s2s = F(words[2], 57, 1) != 0;
        bool ok = (!first || Has(unit.Idr0, 1)) && (!second || Has(unit.Idr0, 0));
        if (Has(unit.Idr0, 10))
        {
            ok &= eats != 1 || !second || !s2s;
            ok &= eats != 2 || (config == 7 && !s2s && !Has(unit.Idr0, 11));
        }

        if (first)
        {
            int max = F(words[0], 59, 5);
            ok &= second || !Has(unit.Idr0, 9) || F(words[1], 30, 1) == 0;
            ok &= max == 0 || F(words[0], 4, 2) is 0 or 3 || Has(unit.Idr0, 19);
            ok &= max <= F(unit.Idr1, 6, 5);
            ok &= F(words[1], 27, 1) == 0 || stallModel == 0;
            ok &= !TooWide(words[0] & 0xff_ffff_ffff_ffc0);
        }

        if (second)
        {
            ok &= s2s ? stallModel != 1 : stallModel != 2;
            ok &= F(words[2], 51, 1) == 1;
            ok &= IsEndianPossible(F(words[2], 52, 1));
            ok &= F(words[2], 56, 1) == 0 || F(unit.Idr0, 6, 2) >= 1;
            ok &= F(words[2], 55, 1) == 0 || F(unit.Idr0, 6, 2) >= 2;
            ok &= IsSecondPossible();
        }

        bool isTagged = Has(unit.Idr0, 0) && (second || !Has(unit.Idr0, 9) || F(words[1], 30, 2) == 0);
        ok &= !isTagged || F(words[2], 8, 8) == 0 || Has(unit.Idr0, 18);

        return ok ? null : Stop(0x04);
    }

    private bool IsEndianPossible(int big) => F(unit.Idr0, 21, 2) switch { 0 => true, 2 => big == 0, 3 => big == 1, _ => false };

    private bool IsSecondPossible()
    {
        int g = new[] { 12, 16, 14, 0 }[F(_ste[2], 46, 2)];
        int t = F(_ste[2], 32, 6);
        bool ds = SecondDs;
        if (!HasGranule(g) || !IsSizePossible(t, g, ds) || 64 - t > _oas)
        {
            return false;
        }

        int sl0 = F(_ste[2], 38, 2);
        bool extra = ds && F(_ste[3], 2, 1) != 0;
        bool stt = Has(unit.Idr3, 9);
        bool isLevelRight = (g, sl0) switch
        {
            (12, 0) when extra => t <= 15,
            _ when extra => false,
            (12, 0) => t is >= 30 and <= 42,
            (12, 1) => t is >= 21 and <= 33,
            (12, 2) => t is >= 12 and <= 24,
            (12, 3) => stt && t is >= 39 and <= 48,
            (14, 0) => t is >= 35 and <= 48,
            (14, 1) => t is >= 24 and <= 38,
            (14, 2) => t is >= 13 and <= 27,
            (14, 3) => ds && t is >= 12 and <= 16,
            (16, 0) => t is >= 31 and <= 47,
            (16, 1) => t is >= 18 and <= 34,
            (16, 2) => t is >= 12 and <= 21,
            _ => false,
        };
        return isLevelRight && (_ste[3] & 0xff_ffff_ffff_fff0) >> SecondOutput(g, ds) == 0;
    }

    private bool SecondDs => Has(unit.Idr5, 7) && F(_ste[3], 3, 1) != 0;

    private int SecondOutput(int g, bool ds) => Output(F(_ste[2], 48, 3), g, ds);

    private int Output(int encoded, int g, bool ds)
    {
        int bits = Math.Min(new[] { 32, 36, 40, 42, 44, 48, 52, 52 }[encoded], _oas);
        return g == 16 || ds ? bits : Math.Min(bits, 48);
    }

    private bool IsSizePossible(int t, int g, bool ds)
    {
        int min = F(unit.Idr5, 10, 2) >= 1 && (g == 16 || ds) ? 12 : 16;
        int max = Has(unit.Idr3, 9) ? (g == 16 ? 47 : 48) : 39;
        return t >= min && t <= max;
    }

    private bool HasGranule(int g) => g != 0 && Has(unit.Idr5, 4 + ((g - 12) / 2));

    private Answer? ReadContext(int substream, int substreamBits, bool second)
    {
        ulong place = _ste[0] & 0xff_ffff_ffff_ffc0;
        if (substreamBits != 0)
        {
            int format = F(_ste[0], 4, 2);
            if (format is 0 or 3)
            {
                ulong size = 64ul << substreamBits;
                place = place / size * size + ((ulong)substream * 64);
            }
            else
            {
                int split = format == 1 ? 6 : 10;
                ulong size = Math.Max(64, substreamBits > split ? 8ul << (substreamBits - split) : 0);
                ulong entry = place / size * size + ((ulong)(substream >> split) * 8);
                if (Reach(ref entry, second) is { } stopped)
                {
                    return stopped;
                }

                if (Fetch(entry) is not { } pointer)
                {
                    return StopFetch(0x09, entry);
                }

                if ((pointer & 1) == 0)
                {
                    return Stop(0x08);
                }

                if (!second && TooWide(pointer & 0xff_ffff_ffff_f000))
                {
                    return Stop(0x08);
                }

                ulong tableSize = 64ul << split;
                place = (pointer & 0xff_ffff_ffff_f000) / tableSize * tableSize + ((ulong)(substream % (1 << split)) * 64);
            }
        }

        if (Reach(ref place, second) is { } denied)
        {
            return denied;
        }

        if (Words(place) is not { } words)
        {
            return StopFetch(0x09, place);
        }

        _cd = words;
        int stallModel = F(unit.Idr0, 24, 2);
        bool stalls = F(words[0], 44, 1) != 0;
        bool ok = F(words[0], 31, 1) == 1
            && (stalls ? stallModel != 1 && F(_ste[1], 27, 1) == 0 : stallModel != 2)
            && (F(words[0], 46, 1) == 1 || !Has(unit.Idr0, 26))
            && F(words[0], 41, 1) == 1
            && ((IsHalfOff(0) && IsHalfOff(1)) || IsEndianPossible(F(words[0], 15, 1)))
            && (F(words[0], 43, 1) == 0 || F(unit.Idr0, 6, 2) >= 1)
            && (F(words[0], 42, 1) == 0 || F(unit.Idr0, 6, 2) >= 2)
            && (IsHypervisor || F(words[0], 56, 8) == 0 || Has(unit.Idr0, 12));
        ok = ok && IsHalfPossible(0) && (IsHypervisor || IsHalfPossible(1));
        return ok ? null : Stop(0x0a);

        Answer? Reach(ref ulong address, bool translates)
        {
            if (translates)
            {
                var answer = Second(address, faultClass: 0, write: false, checks: true);
                if (!answer.IsAllowed)
                {
                    return answer;
                }

                address = answer.PhysicalAddress;
            }

            return null;
        }
    }

    private bool IsHypervisor => F(_ste[0], 2, 1) == 0 && F(_ste[1], 30, 2) == 2 && Has(unit.Idr0, 9) && (control2 & 1) == 0;

    private bool FirstDs => Has(unit.Idr5, 7) && F(_cd[2], 58, 1) != 0;

    private int FirstGranule(int half) => half == 0
        ? new[] { 12, 16, 14, 0 }[F(_cd[0], 6, 2)]
        : new[] { 0, 14, 12, 16 }[F(_cd[0], 22, 2)];

    // EPD0 and EPD1, of which EL2 alone knows nothing.
    private bool IsHalfOff(int half) => !IsHypervisor && F(_cd[0], half == 0 ? 14 : 30, 1) != 0;

    private bool IsHalfPossible(int half)
    {
        if (IsHalfOff(half))
        {
            return true;
        }

        int g = FirstGranule(half);
        int t = F(_cd[0], half * 16, 6);
        return HasGranule(g)
            && IsSizePossible(t, g, FirstDs)
            && (_cd[1 + half] & 0xff_ffff_ffff_fff0) >> Output(F(_cd[0], 32, 3), g, FirstDs) == 0;
    }

    private Answer First(ulong address, bool second)
    {
        int half = !IsHypervisor && (address >> 55 & 1) != 0 ? 1 : 0;
        ulong va = address;
        if (F(_cd[0], 38 + half, 1) != 0)
        {
            va = half == 0 ? va & 0xff_ffff_ffff_ffff : va | 0xff00_0000_0000_0000;
        }

        if (!IsHypervisor && Has(unit.Idr3, 13) && F(_cd[1 + half], 2, 1) != 0 && !_isPrivileged)
        {
            return Stop(0x10);
        }

        if (IsHalfOff(half))
        {
            return Stop(0x10);
        }

        int t = F(_cd[0], half * 16, 6);
        for (int bit = 63; bit >= 64 - t; bit--)
        {
            if ((int)(va >> bit & 1) != half)
            {
                return Stop(0x10);
            }
        }

        int g = FirstGranule(half);
        bool ds = FirstDs;
        int output = Output(F(_cd[0], 32, 3), g, ds);
        int level = g switch
        {
            12 => t <= 15 ? -1 : t <= 24 ? 0 : t <= 33 ? 1 : t <= 42 ? 2 : 3,
            14 => t <= 16 ? 0 : t <= 27 ? 1 : t <= 38 ? 2 : 3,
            _ => t <= 21 ? 1 : t <= 34 ? 2 : 3,
        };
        ulong table = _cd[1 + half] & 0xff_ffff_ffff_fff0;
        ulong rootSize = Math.Max(8ul << (64 - t - Shift(g, level)), output == 52 ? 64u : 16u);
        table -= table % rootSize;
        bool limitedUser = false;
        bool limitedWrite = false;
        bool limitedUx = false;
        bool limitedPx = false;
        for (bool isRoot = true; ; isRoot = false, level++)
        {
            int shift = Shift(g, level);
            ulong index = va >> shift;
            index %= isRoot ? 1ul << (64 - t - shift) : 1ul << (g - 3);
            ulong entry = table + (index * 8);
            ulong place = entry;
            if (second)
            {
                var reached = Second(entry, faultClass: 1, write: false, checks: true);
                if (!reached.IsAllowed)
                {
                    return reached;
                }

                place = reached.PhysicalAddress;
            }

            if (Entry(place, F(_cd[0], 15, 1) != 0) is not { } value)
            {
                return StopAbort(place, isSecond: false, faultClass: 1);
            }

            bool isTable = level < 3 && (value & 2) != 0;
            if ((value & 1) == 0 || (level == 3 && (value & 2) == 0) || (!isTable && level < 3 && !IsBlockLevel(g, level, ds)))
            {
                return Stop(0x10);
            }

            ulong next = AddressIn(value, isTable ? g : shift, g, ds);
            if (next >> output != 0)
            {
                return Stop(0x11);
            }

            if (isTable)
            {
                if (!Has(unit.Idr3, 2) || F(_cd[1 + half], 1, 1) == 0)
                {
                    limitedPx |= F(value, 59, 1) != 0;
                    limitedUx |= F(value, 60, 1) != 0;
                    limitedUser |= F(value, 61, 1) != 0;
                    limitedWrite |= F(value, 62, 1) != 0;
                }

                table = next;
                continue;
            }

            bool ha = F(_cd[0], 43, 1) != 0;
            bool hd = ha && F(_cd[0], 42, 1) != 0;
            if (F(value, 10, 1) == 0 && !ha && F(_cd[0], 35, 1) == 0)
            {
                return Stop(0x12);
            }

            bool user = F(value, 6, 1) != 0 && !limitedUser;
            bool dirtyable = F(value, 7, 1) != 0 && F(value, 51, 1) != 0 && hd && !limitedWrite;
            bool writable = (F(value, 7, 1) == 0 && !limitedWrite) || dirtyable;
            bool ux = F(value, 54, 1) == 0 && !limitedUx;
            bool px = F(value, 53, 1) == 0 && !limitedPx && !(user && writable);
            bool wxn = F(_cd[0], 36, 1) != 0;
            bool pan = F(_cd[0], 40, 1) != 0;
            bool epan = Has(unit.Idr3, 17) && F(_cd[1], 59, 1) != 0;
            bool r;
            bool w;
            bool x;
            if (IsHypervisor)
            {
                (r, w, x) = (true, writable, ux && !(wxn && writable));
            }
            else if (_isPrivileged)
            {
                bool kept = pan && (user || (epan && ux && !(wxn && user && writable)));
                (r, w, x) = (!kept, writable && !kept, px && !(wxn && writable));
            }
            else
            {
                (r, w, x) = (user, user && writable, ux && !(wxn && user && writable));
            }

            if (!IsAllowed(r, w, x))
            {
                return Stop(0x13);
            }

            // What is set in the descriptor has to be stored through stage 2.
            bool isDirtied = _request.IsWrite && dirtyable;
            if (second && ((ha && F(value, 10, 1) == 0) || isDirtied))
            {
                var reached = Second(entry, faultClass: 1, write: true, checks: true);
                if (!reached.IsAllowed)
                {
                    return reached;
                }
            }

            ulong ipa = next | (va % (1ul << shift));
            if (!second)
            {
                return new Answer(IsAllowed: true, ipa, r, w, x, IsClean: dirtyable && !isDirtied);
            }

            var last = Second(ipa, faultClass: 2, write: _request.IsWrite, checks: true);
            return !last.IsAllowed ? last : last with
            {
                Read = last.Read && r,
                Write = last.Write && w,
                Execute = last.Execute && x,
                IsClean = last.IsClean || (dirtyable && !isDirtied),
            };
        }
    }

    private Answer Second(ulong ipa, int faultClass, bool write, bool checks)
    {
        int g = new[] { 12, 16, 14, 0 }[F(_ste[2], 46, 2)];
        int t = F(_ste[2], 32, 6);
        bool ds = SecondDs;
        if (ipa >> (64 - t) != 0)
        {
            return StopSecond(0x10, ipa, faultClass);
        }

        int output = SecondOutput(g, ds);
        int level = ds && F(_ste[3], 2, 1) != 0 ? -1 : (g, F(_ste[2], 38, 2)) switch
        {
            (12, 0) => 2,
            (12, 1) => 1,
            (12, 2) => 0,
            (12, 3) => 3,
            (_, 0) => 3,
            (_, 1) => 2,
            (_, 2) => 1,
            _ => 0,
        };
        ulong table = _ste[3] & 0xff_ffff_ffff_fff0;
        ulong rootSize = Math.Max(8ul << (64 - t - Shift(g, level)), output == 52 ? 64u : 16u);
        table -= table % rootSize;
        for (bool isRoot = true; ; isRoot = false, level++)
        {
            int shift = Shift(g, level);
            ulong index = (ipa >> shift) % (isRoot ? 1ul << (64 - t - shift) : 1ul << (g - 3));
            ulong place = table + (index * 8);
            if (Entry(place, F(_ste[2], 52, 1) != 0) is not { } value)
            {
                return StopAbort(place, isSecond: true, faultClass);
            }

            bool isTable = level < 3 && (value & 2) != 0;
            if ((value & 1) == 0 || (level == 3 && (value & 2) == 0) || (!isTable && level < 3 && !IsBlockLevel(g, level, ds)))
            {
                return StopSecond(0x10, ipa, faultClass);
            }

            ulong next = AddressIn(value, isTable ? g : shift, g, ds);
            if (next >> output != 0)
            {
                return StopSecond(0x11, ipa, faultClass);
            }

            if (isTable)
            {
                table = next;
                continue;
            }

            bool ha = F(_ste[2], 56, 1) != 0;
            bool hd = ha && F(_ste[2], 55, 1) != 0;
            if (F(value, 10, 1) == 0 && !ha && F(_ste[2], 53, 1) == 0)
            {
                return StopSecond(0x12, ipa, faultClass);
            }

            bool r = F(value, 6, 1) != 0;
            bool dirtyable = F(value, 7, 1) == 0 && F(value, 51, 1) != 0 && hd;
            bool w = F(value, 7, 1) != 0 || dirtyable;
            bool x = r && (Has(unit.Idr3, 4)
                ? F(value, 53, 2) switch { 0 => true, 1 => !_isPrivileged, 3 => _isPrivileged, _ => false }
                : F(value, 54, 1) == 0);
            bool isAllowed = faultClass == 2 ? IsAllowed(r, w, x) : write ? w : r;
            bool fwb = Has(unit.Idr3, 8) && F(_ste[1], 25, 1) != 0;
            bool isDevice = fwb ? F(value, 4, 1) == 0 : F(value, 4, 2) == 0;
            if (checks && (!isAllowed || (faultClass != 2 && F(_ste[2], 54, 1) != 0 && isDevice)))
            {
                // An atomic operation that may write, but not read, is told as the read that it may not do.
                ulong readDenied = faultClass == 2 && _request.IsWrite && w ? 1ul << 35 : 0;
                return StopSecond(0x13, ipa, faultClass, (faultClass == 1 && !write ? 1ul << 44 : 0) | readDenied);
            }

            return new Answer(IsAllowed: true, next | (ipa % (1ul << shift)), r, w, x, IsClean: dirtyable && !write);
        }
    }

    private bool IsAllowed(bool r, bool w, bool x) =>
        (!_request.IsWrite || w) && (_isInstruction ? x : (_request.Access & Smmu3Access.Read) == 0 || r);

    private static int Shift(int g, int level) => g + ((3 - level) * (g - 3));

    private bool IsBlockLevel(int g, int level, bool ds) => g switch
    {
        12 => level is 1 or 2 || (level == 0 && ds),
        14 => level == 2 || (level == 1 && ds),
        _ => level == 2 || (level == 1 && _oas == 52),
    };

    private ulong AddressIn(ulong value, int align, int g, bool ds)
    {
        ulong address;
        if (g != 16 && ds)
        {
            address = (value & 0x3_ffff_ffff_f000) | ((ulong)F(value, 8, 2) << 50);
        }
        else
        {
            address = (value & 0xffff_ffff_f000) >> align << align;
            return g == 16 && _oas == 52 ? address | ((ulong)F(value, 12, 4) << 48) : address;
        }

        ulong high = address >> 50 << 50;
        return ((address - high) >> align << align) | high;
    }

    private ulong? Entry(ulong place, bool isBig) =>
        Fetch(place) is { } value ? isBig ? BinaryPrimitives.ReverseEndianness(value) : value : null;

    private ulong? Fetch(ulong place) => TooWide(place) ? null : load(place);

    private ulong[]? Words(ulong place)
    {
        ulong[] words = new ulong[4];
        for (int i = 0; i < 8; i++)
        {
            if (Fetch(place + ((ulong)i * 8)) is not { } word)
            {
                return null;
            }

            if (i < 4)
            {
                words[i] = word;
            }
        }

        return words;
    }

    private bool TooWide(ulong address) => address >> _oas != 0;

    private static int F(ulong word, int low, int bits) => (int)(word >> low & ((1ul << bits) - 1));

    private static bool Has(uint register, int bit) => (register >> bit & 1) != 0;

    private ulong Head(int type)
    {
        bool has = _request.SubstreamId >= 0 && type != 6;
        return (uint)type | ((ulong)_request.StreamId << 32) | (has ? ((ulong)(uint)_request.SubstreamId << 12) | (type == 8 ? 0u : 1u << 11) : 0);
    }

    private ulong Flags => (_isPrivileged ? 1ul << 33 : 0) | (_isInstruction ? 1ul << 34 : 0) | (_request.IsWrite ? 0 : 1ul << 35);

    private Answer Stop(int type, bool always = false)
    {
        if (type < 0x10)
        {
            return new Answer(Type: type, Record: new Smmu3Event(Head(type), 0, 0, 0));
        }

        bool isRecorded = always || F(_cd[0], 45, 1) != 0;
        bool aborts = always || F(_cd[0], 46, 1) != 0;
        return new Answer(
            Type: type, IsSilent: !isRecorded, IsIgnored: !aborts, Record: new Smmu3Event(Head(type), Flags | (2ul << 40), _request.Address, 0));
    }

    private Answer StopSecond(int type, ulong ipa, int faultClass, ulong flags = 0) => new(
        Type: type,
        IsSilent: F(_ste[2], 58, 1) == 0,
        Record: new Smmu3Event(
            Head(type),
            Flags | (1ul << 39) | ((ulong)faultClass << 40) | flags,
            _request.Address,
            ipa & 0xff_ffff_ffff_f000));

    private Answer StopFetch(int type, ulong place) => new(Type: type, Record: new Smmu3Event(Head(type), 0, 0, place & 0xff_ffff_ffff_fff8));

    private Answer StopAbort(ulong place, bool isSecond, int faultClass) => new(
        Type: 0x0b,
        Record: new Smmu3Event(
            Head(0x0b), Flags | (isSecond ? 1ul << 39 : 0) | ((ulong)faultClass << 40), _request.Address, place & 0xff_ffff_ffff_fff8));

    internal readonly record struct Answer(
        bool IsAllowed = false,
        ulong PhysicalAddress = 0,
        bool Read = false,
        bool Write = false,
        bool Execute = false,
        bool IsClean = false,
        int Type = 0,
        bool IsSilent = false,
        bool IsIgnored = false,
        Smmu3Event Record = default);
}
