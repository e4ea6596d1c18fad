using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>
/// What the VT-d specification says of a request, written down once more and as plainly as it goes: no cache, no formats, no shared code but the
/// names of reasons. It never stores: accessed bits that a walk of the first stage sets are remembered until its end.
/// </summary>
internal sealed class VtdPlainWalker(VtdUnit unit, Func<ulong, ulong?> load, ulong root, bool isScalable)
{
    private const ulong Frame = 0x000f_ffff_ffff_f000;

    private readonly ulong _cap = unit.Capability.Value;
    private readonly ulong _ecap = unit.ExtendedCapability.Value;

    /// <summary>The answer to an untranslated request.</summary>
    public Answer Ask(VtdRequest request)
    {
        if (request.Pasid < 0 && request.Address is >= 0xfee0_0000 and <= 0xfeef_ffff)
        {
            return new Answer(IsInterrupt: true);
        }

        return isScalable ? Scalable(request) : Legacy(request);
    }

    private Answer Legacy(VtdRequest request)
    {
        if (request.Pasid >= 0)
        {
            return Stop(0x31);
        }

        ulong rootEntry = root + ((ulong)(request.Source >> 8) * 16);
        if (load(rootEntry) is not { } low || load(rootEntry + 8) is not { } high)
        {
            return Stop(0x08);
        }

        if ((low & 1) == 0)
        {
            return Stop(0x01);
        }

        if ((low & 0xffe) != 0 || high != 0 || TooWide(low & ~0xffful))
        {
            return Stop(0x0a);
        }

        ulong contextEntry = (low & ~0xffful) + ((ulong)(request.Source & 0xff) * 16);
        if (load(contextEntry) is not { } first || load(contextEntry + 8) is not { } second)
        {
            return Stop(0x09);
        }

        if ((first & 1) == 0)
        {
            return Stop(0x02);
        }

        if ((first & 0xff0) != 0 || (second & 0xffff_ffff_ff00_0080) != 0 || TooWide(first & ~0xffful))
        {
            return Stop(0x0b);
        }

        int type = (int)(first >> 2) & 3;
        int width = (int)second & 7;
        if (type == 3 || (type == 2 && !Ecap(6)) || (type == 1 && !Ecap(2)) || width is 0 or > 3 || !Cap(8 + width))
        {
            return Stop(0x03);
        }

        if (type == 2)
        {
            return TooWide(request.Address) ? Stop(0x04) : new Answer(request.Address, Read: true, Write: true);
        }

        int bits = Math.Min(30 + (9 * width), (int)((_cap >> 16) & 0x3f) + 1);
        if (request.Address >> bits != 0)
        {
            return Stop(0x04);
        }

        var answer = Second(request.Address, first & ~0xffful, width + 1, out int code);
        if (code != 0)
        {
            bool isWrite = (request.Access & VtdAccess.Write) != 0;
            return Stop(code switch { 0x78 or 0x7b => 0x07, 0x7a => 0x0c, _ => isWrite ? 0x05 : 0x06 });
        }

        return Judge(request, answer, write: 0x05, read: 0x06, interrupt: 0x0e);
    }

    private Answer Scalable(VtdRequest request)
    {
        ulong half = root + ((ulong)(request.Source >> 8) * 16) + ((request.Source & 0x80) != 0 ? 8ul : 0);
        if (load(half) is not { } rootEntry)
        {
            return Stop(0x38);
        }

        if ((rootEntry & 1) == 0)
        {
            return Stop(0x39);
        }

        if ((rootEntry & 0xffe) != 0 || TooWide(rootEntry & ~0xffful))
        {
            return Stop(0x3a);
        }

        ulong place = (rootEntry & ~0xffful) + ((ulong)(request.Source & 0x7f) * 32);
        if (load(place) is not { } c0 || load(place + 8) is not { } c1 || load(place + 16) is not { } c2 || load(place + 24) is not { } c3)
        {
            return Stop(0x40);
        }

        if ((c0 & 1) == 0)
        {
            return Stop(0x41);
        }

        if ((c0 & 0x1e0) != 0 || c1 >> 21 != 0 || c2 != 0 || c3 != 0 || TooWide(c0 & ~0xffful))
        {
            return Stop(0x42);
        }

        int ridPasid = (int)(c1 & 0xf_ffff);
        if (((c0 & 4) != 0 && !Ecap(2)) || ((c0 & 8) != 0 && !Ecap(40)) || ((c0 & 16) != 0 && !Ecap(29)) || (ridPasid != 0 && !Ecap(49)))
        {
            return Stop(0x43);
        }

        long pasids = 1L << ((int)((c0 >> 9) & 7) + 13);
        int pasid = ridPasid;
        bool isPrivileged = (c1 >> 20 & 1) != 0;
        if (request.Pasid >= 0)
        {
            if ((c0 & 8) == 0)
            {
                return Stop(0x45);
            }

            if (request.Pasid >= Math.Min(pasids, 1 << 20))
            {
                return Stop(0x46);
            }

            pasid = request.Pasid;
            isPrivileged = (request.Access & VtdAccess.Privileged) != 0;
        }
        else if (ridPasid >= pasids)
        {
            return Stop(0x48);
        }

        if (load((c0 & ~0xffful) + ((ulong)(pasid >> 6) * 8)) is not { } directory)
        {
            return Stop(0x50);
        }

        if ((directory & 1) == 0)
        {
            return Stop(0x51);
        }

        if ((directory & 0xffc) != 0 || TooWide(directory & ~0xffful))
        {
            return Stop(0x52);
        }

        ulong entry = (directory & ~0xffful) + ((ulong)(pasid & 63) * 64);
        ulong[] p = new ulong[8];
        for (int i = 0; i < 8; i++)
        {
            if (load(entry + ((ulong)i * 8)) is not { } word)
            {
                return Stop(0x58);
            }

            p[i] = word;
        }

        if ((p[0] & 1) == 0)
        {
            return Stop(0x59);
        }

        if ((p[0] & 0xc20) != 0 || (p[1] & 0xc07f_0000) != 0 || (p[2] & 0xf00) != 0 || (p[3] | p[4] | p[5] | p[6] | p[7]) != 0)
        {
            return Stop(0x5a);
        }

        int type = (int)(p[0] >> 6) & 7;
        int width = (int)(p[0] >> 2) & 7;
        int mode = (int)(p[2] >> 2) & 3;
        bool hasWidth = width is >= 1 and <= 3 && Cap(8 + width);
        bool hasMode = mode == 0 || (mode == 1 && Cap(60));
        bool hasType = type switch
        {
            1 => Ecap(47) && hasMode,
            2 => Ecap(46) && hasWidth,
            3 => Ecap(26) && hasMode && hasWidth,
            4 => Ecap(6),
            _ => false,
        };
        if (!hasType || ((p[0] & 0x200) != 0 && !Ecap(45)))
        {
            return Stop(0x5b);
        }

        int guestBits = Math.Min(30 + (9 * width), (int)((_cap >> 16) & 0x3f) + 1);
        if (type == 4)
        {
            return request.Address is >= 0xfee0_0000 and <= 0xfeef_ffff ? Stop(0x87)
                : TooWide(request.Address) ? Stop(0x83)
                : new Answer(request.Address, Read: true, Write: true);
        }

        if (type == 2)
        {
            if (request.Address >> guestBits != 0)
            {
                return Stop(0x83);
            }

            var mapped = Second(request.Address, p[0] & ~0xffful, width + 1, out int failure);
            return failure != 0 ? Stop(failure) : Judge(request, mapped, 0x85, 0x86, 0x87);
        }

        if ((request.Access & VtdAccess.Execute) != 0 && (p[2] & 2) == 0)
        {
            return Stop(0x5c);
        }

        if (isPrivileged && (p[2] & 1) == 0)
        {
            return Stop(0x5d);
        }

        int inputBits = mode == 1 ? 57 : 48;
        ulong sign = request.Address >> (inputBits - 1);
        if (sign != 0 && sign != ulong.MaxValue >> (inputBits - 1))
        {
            return Stop(0x80);
        }

        return First(request, p, type == 3, mode == 1 ? 4 : 3, width + 1, guestBits, isPrivileged);
    }

    private Answer First(VtdRequest request, ulong[] p, bool isNested, int top, int secondTop, int guestBits, bool isPrivileged)
    {
        ulong table = p[2] & ~0xffful;
        bool write = true;
        bool user = true;
        bool execute = true;

        // A table can lead to itself, and the walk then comes to an entry that it has set bits in, perhaps by way of a page that it may not write.
        var marked = new Dictionary<ulong, ulong>();
        for (int level = top; ; level--)
        {
            bool isTableWritable = true;
            if (isNested)
            {
                if (table >> guestBits != 0)
                {
                    return Stop(0x74);
                }

                var host = Second(table, p[0] & ~0xffful, secondTop, out int failure);
                if (failure is not (0 or 0x79))
                {
                    return Stop(failure);
                }

                if (failure != 0 || !host.Read)
                {
                    return Stop(level == top ? 0x75 : 0x76);
                }

                table = host.PhysicalAddress;
                isTableWritable = host.Write;
            }

            ulong place = table + ((request.Address >> (12 + (9 * level)) & 511) * 8);
            if (TooWide(place) || load(place) is not { } stored)
            {
                return Stop(level == top ? 0x73 : 0x70);
            }

            ulong entry = stored | marked.GetValueOrDefault(place);

            if ((entry & 1) == 0)
            {
                return Stop(0x71);
            }

            bool isLeaf = level == 0 || (entry & 0x80) != 0;
            ulong address = entry & Frame;
            if (isLeaf && level > 0)
            {
                ulong low = (1ul << (12 + (9 * level))) - 1;
                if (level > 2 || (level == 2 && !Cap(56)) || (entry & Frame & low & ~0x1000ul) != 0)
                {
                    return Stop(0x72);
                }

                address &= ~low;
            }

            if (!isNested && TooWide(address))
            {
                return Stop(0x72);
            }

            write &= (entry & 2) != 0;
            user &= (entry & 4) != 0;
            execute &= (entry >> 63) == 0 || (p[2] & 0x20) == 0;
            bool mayWrite = write || (isPrivileged && (p[2] & 0x10) == 0);
            bool wantsBits = (entry & 0x20) == 0
                || ((p[2] & 0x80) != 0 && (entry & 0x400) == 0)
                || (isLeaf && (request.Access & VtdAccess.Write) != 0 && mayWrite && (entry & 0x40) == 0);
            if (wantsBits && isNested && !isTableWritable)
            {
                return Stop(0x77);
            }

            marked[place] = 0x20 | (entry & 0x400) | ((p[2] & 0x80) != 0 ? 0x400ul : 0);
            if (!isLeaf)
            {
                table = address;
                continue;
            }

            ulong output = address | (request.Address & ((1ul << (12 + (9 * level))) - 1));
            bool readable = true;
            bool supervisorWrite = write || (p[2] & 0x10) == 0;
            if (isNested)
            {
                if (output >> guestBits != 0)
                {
                    return Stop(0x84);
                }

                var host = Second(output, p[0] & ~0xffful, secondTop, out int failure);
                if (failure != 0)
                {
                    return Stop(failure);
                }

                output = host.PhysicalAddress;
                readable = host.Read;
                write &= host.Write;
                supervisorWrite &= host.Write;
            }

            if (!isPrivileged && !user)
            {
                return Stop(0x81);
            }

            if ((request.Access & VtdAccess.Execute) != 0 && (!execute || (isPrivileged && user && (p[2] & 0x40) != 0)))
            {
                return Stop(0x82);
            }

            return Judge(request, new Answer(output, Read: readable, Write: isPrivileged ? supervisorWrite : write), 0x85, 0x86, 0x87);
        }
    }

    private Answer Second(ulong address, ulong table, int level, out int code)
    {
        bool read = true;
        bool write = true;
        for (int top = level; ; level--)
        {
            ulong place = table + ((address >> (12 + (9 * level)) & 511) * 8);
            if (TooWide(place) || load(place) is not { } entry)
            {
                code = level == top ? 0x7b : 0x78;
                return default;
            }

            if ((entry & 3) == 0)
            {
                code = 0x79;
                return default;
            }

            read &= (entry & 1) != 0;
            write &= (entry & 2) != 0;
            bool isLeaf = level == 0 || (entry & 0x80) != 0;
            ulong low = (1ul << (12 + (9 * level))) - 1;
            bool isReserved = TooWide(entry & Frame)
                || (isLeaf && ((entry & Frame & low) != 0
                    || level > 2
                    || (level == 1 && !Cap(34))
                    || (level == 2 && !Cap(35))
                    || ((entry & 0x800) != 0 && !Ecap(7))
                    || ((entry >> 62 & 1) != 0 && !Ecap(2))));
            if (isReserved)
            {
                code = 0x7a;
                return default;
            }

            if (isLeaf)
            {
                code = 0;
                return new Answer((entry & Frame) | (address & low), Read: read, Write: write);
            }

            table = entry & Frame;
        }
    }

    private static Answer Judge(VtdRequest request, Answer mapped, int write, int read, int interrupt) =>
        (request.Access & VtdAccess.Write) != 0 && !mapped.Write ? Stop(write)
            : (request.Access & VtdAccess.Read) != 0 && !mapped.Read ? Stop(read)
            : mapped.PhysicalAddress is >= 0xfee0_0000 and <= 0xfeef_ffff ? Stop(interrupt)
            : mapped;

    private bool TooWide(ulong address) => address >> unit.HostAddressBits != 0;

    private bool Cap(int bit) => (_cap >> bit & 1) != 0;

    private bool Ecap(int bit) => (_ecap >> bit & 1) != 0;

    private static Answer Stop(int code) => new(Reason: code);

    internal readonly record struct Answer(
        ulong PhysicalAddress = 0, int Reason = 0, bool Read = false, bool Write = false, bool IsInterrupt = false);
}
