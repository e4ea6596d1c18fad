namespace IommuKit.Models.Tests.Smmu2;

/// <summary>
/// What an SMMU makes of an address, written from the architecture as plainly as possible, and from nothing of the model: no caches, every field
/// looked at where it is needed.
/// </summary>
internal sealed class Smmu2PlainWalker(Func<ulong, ulong?> load, int addressBits, int ipaBits, bool hasShort)
{
    public sealed class Bank
    {
        public bool Is64;
        public uint Sctlr;
        public uint Tcr;
        public uint Tcr2;
        public ulong Ttbr0;
        public ulong Ttbr1;
        public ulong Mair;
    }

    /// <summary>What a walk of one stage found.</summary>
    public sealed class Found
    {
        public uint Fault;
        public bool IsSecond;
        public int Level;
        public ulong Ipa;
        public bool IsWalk;
        public ulong Address;
        public bool UserRead, UserWrite, UserExecute, Read, Write, Execute;
        public bool IsDevice;

        public bool Allows(bool isPrivileged, bool writes, bool executes) => isPrivileged
            ? (!writes || Write) && (executes ? Execute : writes || Read)
            : (!writes || UserWrite) && (executes ? UserExecute : writes || UserRead);
    }

    private const uint Translation = 2, AccessFlag = 4, Permission = 8, External = 16, Size = 0x80;

    /// <summary>Both stages.</summary>
    public Found Translate(Bank? first, Bank? second, ulong address, bool isPrivileged, bool writes, bool executes)
    {
        if (first is null)
        {
            var only = Second(second!, address, isWalk: false);
            return only.Fault != 0 || only.Allows(isPrivileged, writes, executes) ? only : Denied(only, isSecond: true, address, isWalk: false);
        }

        var found = First(first, second, address);
        if (found.Fault != 0)
        {
            return found;
        }

        if (!found.Allows(isPrivileged, writes, executes))
        {
            return Denied(found, isSecond: false, 0, isWalk: false);
        }

        if (second is null)
        {
            return found;
        }

        var then = Second(second, found.Address, isWalk: false);
        if (then.Fault != 0)
        {
            return then;
        }

        if (!then.Allows(isPrivileged, writes, executes))
        {
            return Denied(then, isSecond: true, found.Address, isWalk: false);
        }

        then.UserRead &= found.UserRead;
        then.UserWrite &= found.UserWrite;
        then.UserExecute &= found.UserExecute;
        then.Read &= found.Read;
        then.Write &= found.Write;
        then.Execute &= found.Execute;
        then.IsDevice |= found.IsDevice;
        return then;
    }

    private static Found Denied(Found at, bool isSecond, ulong ipa, bool isWalk) =>
        new() { Fault = Permission, IsSecond = isSecond, Level = at.Level, Ipa = ipa, IsWalk = isWalk };

    private Found First(Bank bank, Bank? second, ulong address)
    {
        int outputs = second is null ? addressBits : ipaBits;
        if (bank.Is64)
        {
            return First64(bank, second, address, outputs);
        }

        bool isLong = (bank.Tcr & 0x8000_0000) != 0 || !hasShort;
        if (address > uint.MaxValue)
        {
            return new Found { Fault = Translation, Level = 1 };
        }

        return isLong ? FirstLong(bank, second, address, Math.Min(outputs, 40)) : FirstShort(bank, second, address, Math.Min(outputs, 40));
    }

    private Found First64(Bank bank, Bank? second, ulong address, int outputs)
    {
        // The bus is of 64 bits or 49 in these tests; the sign is a bit of it.
        var nothing = new Found { Fault = Translation, Level = 0 };
        int bus = Bus;
        if (bus == 49 && address >> 49 != 0 && address >> 49 != 0x7fff)
        {
            return nothing;
        }

        // Bits above the sign are zeros; what has no sign on the bus is not extended.
        ulong va = address;
        int[] signs = [31, 35, 39, 41, 43, 47, 48, 48];
        int code = (int)(bank.Tcr2 >> 15) & 7;
        int sign = signs[code];
        bool hasSign = sign < bus && (code < 6 || bus == 49);
        if (hasSign)
        {
            for (int bit = sign + 1; bit < bus; bit++)
            {
                if ((address >> bit & 1) == 1)
                {
                    return nothing;
                }
            }

            va = SignExtend(address, sign);
        }

        bool upper = ((va >> 55) & 1) == 1;
        if (((bank.Tcr2 >> (upper ? 6 : 5)) & 1) == 1)
        {
            va = SignExtend(va, 55);
        }

        int size = (int)(upper ? bank.Tcr >> 16 : bank.Tcr) & 0x3f;
        bool disabled = ((upper ? bank.Tcr >> 23 : bank.Tcr >> 7) & 1) == 1;
        int[] lowerGranules = [12, 16, 14, 0];
        int[] upperGranules = [0, 14, 12, 16];
        int granule = upper ? upperGranules[(int)(bank.Tcr >> 30) & 3] : lowerGranules[(int)(bank.Tcr >> 14) & 3];
        if (disabled || size < 16 || size > 39 || !Granules.Contains(granule))
        {
            return nothing;
        }

        int bits = 64 - size;
        if (upper ? va >> bits != ulong.MaxValue >> bits : va >> bits != 0)
        {
            return nothing;
        }

        int[] widths = [32, 36, 40, 42, 44, 48, 48, 48];
        int output = Math.Min(widths[(int)bank.Tcr2 & 7], outputs);
        ulong table = (upper ? bank.Ttbr1 : bank.Ttbr0) & 0xffff_ffff_ffff;
        return Long(bank, second, va, table, granule, bits, StartOf(bits, granule), output, isSecond: false, is64: true, isWalk: false);
    }

    /// <summary>Bits that the bus has, and granules that there are.</summary>
    public int Bus { get; init; } = 64;

    public int[] Granules { get; init; } = [12, 14, 16];

    private static int StartOf(int bits, int granule)
    {
        // Levels are added until they cover the width.
        int level = 3;
        for (int covered = granule + granule - 3; covered < bits; covered += granule - 3)
        {
            level--;
        }

        return level;
    }

    private Found FirstLong(Bank bank, Bank? second, ulong va, int output)
    {
        var nothing = new Found { Fault = Translation, Level = 1 };
        int n0 = (int)bank.Tcr & 7;
        int n1 = (int)(bank.Tcr >> 16) & 7;
        bool inLower = n0 == 0 ? true : va >> (32 - n0) == 0;
        bool inUpper = n1 == 0 ? n0 != 0 && !inLower : va >> (32 - n1) == (1ul << n1) - 1;
        inLower &= !inUpper;
        if (!inLower && !inUpper)
        {
            return nothing;
        }

        if (((inUpper ? bank.Tcr >> 23 : bank.Tcr >> 7) & 1) == 1)
        {
            return nothing;
        }

        int bits = 32 - (inUpper ? n1 : n0);
        ulong table = (inUpper ? bank.Ttbr1 : bank.Ttbr0) & 0xffff_ffff_ffff;
        return Long(bank, second, va & ((1ul << bits) - 1), table, 12, bits, bits > 30 ? 1 : 2, output, isSecond: false, is64: false, isWalk: false);
    }

    private Found FirstShort(Bank bank, Bank? second, ulong va, int output)
    {
        int n = (int)bank.Tcr & 7;
        bool upper = n != 0 && va >> (32 - n) != 0;
        if (((upper ? bank.Tcr >> 5 : bank.Tcr >> 4) & 1) == 1)
        {
            return new Found { Fault = Translation, Level = 1 };
        }

        ulong table = upper ? (uint)bank.Ttbr1 & ~0x3ffful : (uint)bank.Ttbr0 & ~((0x4000ul >> n) - 1);
        ulong index = upper ? va >> 20 : (va & ((1ul << (32 - n)) - 1)) >> 20;
        bool big = (bank.Sctlr & 0x10) != 0;
        bool afe = (bank.Sctlr & 4) != 0;
        if (Fetch(second, table + (index * 4), 4, big, 1, out ulong one) is { } failed)
        {
            return failed;
        }

        uint d = (uint)one;
        uint attributes;
        bool pxn;
        int level = 1;
        ulong address;
        switch (d & 3)
        {
            case 0:
                return new Found { Fault = Translation, Level = 1 };
            case 1:
                if (Fetch(second, (d & 0xffff_fc00) + ((va >> 12 & 0xff) * 4), 4, big, 2, out ulong two) is { } below)
                {
                    return below;
                }

                pxn = (d & 4) != 0;
                level = 2;
                uint e = (uint)two;
                if ((e & 3) == 0)
                {
                    return new Found { Fault = Translation, Level = 2 };
                }

                if ((e & 2) != 0)
                {
                    // ap 11:.., as xn, c, b, ap10, tex, ap2, s, ng.
                    attributes = Pack(xn: e & 1, cb: e >> 2 & 3, ap: (e >> 4 & 3) | (e >> 7 & 4), tex: e >> 6 & 7);
                    address = (e & 0xffff_f000) | (va & 0xfff);
                }
                else
                {
                    attributes = Pack(xn: e >> 15 & 1, cb: e >> 2 & 3, ap: (e >> 4 & 3) | (e >> 7 & 4), tex: e >> 12 & 7);
                    address = (e & 0xffff_0000) | (va & 0xffff);
                }

                break;
            default:
                pxn = (d & 1) != 0;
                attributes = Pack(xn: d >> 4 & 1, cb: d >> 2 & 3, ap: (d >> 10 & 3) | (d >> 13 & 4), tex: d >> 12 & 7);
                if ((d & (1 << 18)) != 0)
                {
                    address = (d & 0xff00_0000) | ((ulong)(d >> 20 & 0xf) << 32) | ((ulong)(d >> 5 & 0xf) << 36);
                    if (address >> output != 0)
                    {
                        return new Found { Fault = Size, Level = 1 };
                    }

                    address |= va & 0xff_ffff;
                }
                else
                {
                    address = (d & 0xfff0_0000) | (va & 0xf_ffff);
                }

                break;
        }

        var found = new Found { Address = address, Level = level };
        uint ap = attributes & 7;
        if (afe && (ap & 1) == 0)
        {
            if ((bank.Sctlr & 8) == 0)
            {
                return new Found { Fault = AccessFlag, Level = level };
            }

            // As if it were set.
            ap |= 1;
        }

        // AP as a table of the architecture: what privileged and others may do.
        string[] full = ["--", "W-", "WR", "WW", "--", "R-", "RR", "RR"];
        string[] simple = ["W-", "W-", "WW", "WW", "R-", "R-", "RR", "RR"];
        string rights = (afe ? simple : full)[ap];
        if (!afe && ap == 4)
        {
            // Reserved: nothing may be read, and with bit 2 nothing written.
            rights = "--";
        }

        found.Read = rights[0] != '-';
        found.Write = rights[0] == 'W';
        found.UserRead = rights[1] != '-';
        found.UserWrite = rights[1] == 'W';
        bool xn = (attributes & 8) != 0;
        found.Execute = found.Read && !xn && !pxn;
        found.UserExecute = found.UserRead && !xn;
        Limit(bank, found);
        uint tex = attributes >> 6;
        uint cb = attributes >> 4 & 3;
        found.IsDevice = (bank.Sctlr & 2) != 0
            ? (bank.Mair >> (int)(2 * (((tex & 1) * 4) + cb)) & 3) < 2
            : tex == 0 ? cb < 2 : tex == 2 && cb == 0;
        return found;
    }

    private static uint Pack(uint xn, uint cb, uint ap, uint tex) => ap | (xn << 3) | (cb << 4) | (tex << 6);

    private Found Second(Bank bank, ulong ipa, bool isWalk)
    {
        var nothing = new Found { Fault = Translation, IsSecond = true, Level = bank.Is64 ? 0 : 1, Ipa = ipa, IsWalk = isWalk };
        int[] granules = [12, 16, 14, 0];
        int granule = bank.Is64 ? granules[(int)(bank.Tcr >> 14) & 3] : 12;
        int t0 = (int)bank.Tcr & 0xf;
        int bits = bank.Is64 ? 64 - ((int)bank.Tcr & 0x3f) : 32 - (t0 < 8 ? t0 : t0 - 16);
        int sl = (int)(bank.Tcr >> 6) & 3;
        int start = sl == 3 ? -1 : (granule == 12 ? 2 : 3) - sl;
        if (start < 0 || (bank.Is64 ? !Granules.Contains(granule) || bits > 48 || bits < 25 : start == 0))
        {
            return nothing;
        }

        int covered = granule + ((3 - start) * (granule - 3));
        if (bits <= covered || bits > covered + granule - 3 + 4 || ipa >> bits != 0)
        {
            return nothing;
        }

        int[] widths = [32, 36, 40, 42, 44, 48, 48, 48];
        int output = Math.Min(bank.Is64 ? widths[(int)(bank.Tcr >> 16) & 7] : 40, addressBits);
        return Long(bank, null, ipa, bank.Ttbr0 & 0xffff_ffff_ffff, granule, bits, start, output, isSecond: true, bank.Is64, isWalk);
    }

    private Found Long(
        Bank bank, Bank? second, ulong va, ulong table, int granule, int bits, int start, int output, bool isSecond, bool is64, bool isWalk)
    {
        Found Fail(uint fault, int level) => new() { Fault = fault, IsSecond = isSecond, Level = level, Ipa = isSecond ? va : 0, IsWalk = isWalk };
        if (table >> output != 0)
        {
            return Fail(Size, is64 ? 0 : 1);
        }

        int step = granule - 3;
        int top = granule + ((3 - start) * step);
        ulong rootBytes = Math.Max(8ul << (bits - top), 16);
        table -= table % rootBytes;
        bool big = (bank.Sctlr & 0x10) != 0;
        bool noUser = false, noWrite = false, xnTable = false, pxnTable = false;
        for (int level = start; ; level++)
        {
            int shift = granule + ((3 - level) * step);
            ulong inside = va & ((1ul << bits) - 1);
            ulong index = level == start ? inside >> shift : inside >> shift & ((1ul << step) - 1);
            ulong d;
            if (isSecond)
            {
                ulong? read = (table + (index * 8)) >> addressBits != 0 ? null : load(table + (index * 8));
                if (read is null)
                {
                    return Fail(External, level);
                }

                d = big ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(read.Value) : read.Value;
            }
            else if (Fetch(second, table + (index * 8), 8, big, level, out d) is { } failed)
            {
                return failed;
            }

            bool block = (d & 3) == 1;
            bool blockHere = level == 2 || (level == 1 && granule == 12);
            if ((d & 1) == 0 || (block && (level == 3 || !blockHere)))
            {
                return Fail(Translation, level);
            }

            bool pointer = !block && level < 3;
            ulong next = d & 0xffff_ffff_ffff & ~((1ul << (pointer ? granule : shift)) - 1);
            if (next >> output != 0)
            {
                return Fail(Size, level);
            }

            if (pointer)
            {
                noUser |= (d >> 61 & 1) == 1;
                noWrite |= (d >> 62 & 1) == 1;
                xnTable |= (d >> 60 & 1) == 1;
                pxnTable |= (d >> 59 & 1) == 1;
                table = next;
                continue;
            }

            if ((d >> 10 & 1) == 0 && (bank.Sctlr & 8) == 0)
            {
                return Fail(AccessFlag, level);
            }

            var found = new Found { Address = next | (va & ((1ul << shift) - 1)), Level = level, IsSecond = isSecond };
            if (isSecond)
            {
                found.Read = found.UserRead = (d >> 6 & 1) == 1;
                found.Write = found.UserWrite = (d >> 7 & 1) == 1;
                found.Execute = found.UserExecute = found.Read && (d >> 54 & 1) == 0;
                found.IsDevice = (d >> 4 & 3) == 0;
                return found;
            }

            bool user = (d >> 6 & 1) == 1 && !noUser;
            bool write = (d >> 7 & 1) == 0 && !noWrite;
            bool xn = (d >> 54 & 1) == 1 || xnTable;
            bool pxn = (d >> 53 & 1) == 1 || pxnTable;
            found.Read = true;
            found.Write = write;
            found.UserRead = user;
            found.UserWrite = user && write;
            found.UserExecute = user && !xn;
            found.Execute = is64 ? !pxn && !(user && write) : !pxn && !xn;
            Limit(bank, found);
            found.IsDevice = (bank.Mair >> (int)((d >> 2 & 7) * 8) & 0xf0) == 0;
            return found;
        }
    }

    /// <summary>WXN and UWXN.</summary>
    private static void Limit(Bank bank, Found found)
    {
        bool wxn = (bank.Sctlr >> 9 & 1) == 1;
        bool uwxn = (bank.Sctlr >> 10 & 1) == 1;
        if (found.UserWrite && (wxn || uwxn))
        {
            found.UserExecute = found.Execute = false;
        }

        if (found.Write && wxn)
        {
            found.Execute = false;
        }
    }

    /// <summary>Reads an entry of stage 1, through stage 2 if there is one.</summary>
    private Found? Fetch(Bank? second, ulong at, int bytes, bool big, int level, out ulong value)
    {
        value = 0;
        ulong ipa = at;
        if (second is not null)
        {
            var reached = Second(second, at, isWalk: true);
            if (reached.Fault != 0)
            {
                return reached;
            }

            bool isProtected = (second.Sctlr >> 13 & 1) == 1 && reached.IsDevice;
            if (!reached.Read || isProtected)
            {
                return Denied(reached, isSecond: true, at, isWalk: true);
            }

            at = reached.Address;
        }

        if (at >> addressBits != 0 || load(at & ~7ul) is not { } word)
        {
            // On top of stage 2 it is told there.
            bool isSecond = second is not null;
            return new Found { Fault = External, Level = level, IsSecond = isSecond, Ipa = isSecond ? ipa : 0, IsWalk = isSecond };
        }

        if (bytes == 8)
        {
            value = big ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word) : word;
        }
        else
        {
            uint half = (uint)(word >> (int)((at & 4) * 8));
            value = big ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(half) : half;
        }

        return null;
    }

    private static ulong SignExtend(ulong value, int bit)
    {
        ulong below = bit == 63 ? ulong.MaxValue : (1ul << (bit + 1)) - 1;
        return (value >> bit & 1) == 1 ? value | ~below : value & below;
    }
}
