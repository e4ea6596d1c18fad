using System.Runtime.CompilerServices;
using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Smmu3;

/// <content>The short way of a transaction whose stream and page are cached.</content>
/// <remarks>
/// A shortcut holds what the stream table entry and the context descriptor of a transaction say together: the space of its translations, and how its
/// address and its access are to be read. It goes with either, by the same commands. Whatever is not plain here is done the long way.
/// </remarks>
public sealed partial class Smmu3Model<TMemory>
{
    private const int PrivilegedProtectionShift = 32;

    // What a shortcut says beside the space. Most say nothing.
    private const ulong IgnoresTopByteLower = 1;
    private const ulong IgnoresTopByteUpper = 2;
    private const ulong HasOneRange = 4;
    private const ulong IsClosedLower = 8;
    private const ulong IsClosedUpper = 16;
    private const int PrivilegeShift = 5;
    private const int InstructionShift = 7;

    /// <summary>Finds the page of a transaction by a shortcut and the IOTLB.</summary>
    /// <remarks>No variable of the usual way has its address taken, so that it stays in registers; what is called on others gets copies.</remarks>
    /// <param name="request">The transaction.</param>
    /// <param name="hit">The page.</param>
    /// <param name="isKnown">Whether there is a shortcut.</param>
    /// <param name="isAbsent">Whether there is one, and no page was found.</param>
    /// <returns>Whether the transaction is answered with it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHit(in Smmu3Request request, out Hit hit, out bool isKnown, out bool isAbsent)
    {
        hit = default;
        isAbsent = false;
        isKnown = _shortcuts.TryFind(ShortcutKey(request), HardwareCache.Valid, HardwareCache.Valid, out var shortcut)
            && Volatile.Read(ref _isEnabled);
        if (!isKnown)
        {
            return false;
        }

        ulong address = request.Address;
        int access = (int)request.Access & 0xf;
        if (shortcut.B != 0)
        {
            ulong read = address;
            int wanted = access;
            if (!TryRead(shortcut.B, ref read, ref wanted))
            {
                return false;
            }

            address = read;
            access = wanted;
        }

        for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            if (!_pages.TryFind(address >> shift, shortcut.A | ClassOf(shift), LookUpMask, out var page))
            {
                continue;
            }

            if ((Smmu3Rights.Needed[access] & ~page.C) != 0 || (request.IsWrite && (page.C & Smmu3Rights.Clean) != 0))
            {
                return false;
            }

            _hits.Add();
            hit = new Hit(page.A, (access & (int)Smmu3Access.Privileged) != 0 ? page.D >> PrivilegedProtectionShift : page.D, shift);
            return true;
        }

        isAbsent = true;
        return false;
    }

    private static ulong ShortcutKey(in Smmu3Request request) => ContextKey(request.StreamId, (uint)(request.SubstreamId + 1));

    /// <summary>Reads an address and an access as the stream wants it.</summary>
    /// <returns>False if that takes more than this.</returns>
    private static bool TryRead(ulong flags, ref ulong address, ref int access)
    {
        access = (int)Override((Smmu3Access)access, (int)(flags >> PrivilegeShift) & 3, (int)(flags >> InstructionShift) & 3);
        bool isUpper = (flags & HasOneRange) == 0 && (address >> 55 & 1) != 0;
        if ((flags & (isUpper ? IsClosedUpper : IsClosedLower)) != 0 && (access & (int)Smmu3Access.Privileged) == 0)
        {
            return false;
        }

        if ((flags & (isUpper ? IgnoresTopByteUpper : IgnoresTopByteLower)) != 0)
        {
            address = (flags & HasOneRange) != 0 ? address & 0x00ff_ffff_ffff_ffff : Canonical(address);
        }

        return true;
    }

    private void AddShortcut(in Smmu3Request request, in Path path)
    {
        // Of a substream of EL1, or of none, the tag is the same for every address and access.
        ulong flags = ((ulong)(uint)path.Stream.PrivilegeOverride << PrivilegeShift)
            | ((ulong)(uint)path.Stream.InstructionOverride << InstructionShift);
        if (path.HasFirst)
        {
            bool isOneRange = (path.Tag & KindMask) == HypervisorKind;
            bool closes = !isOneRange && _unit.HasUnprivilegedDisable;
            flags |= (path.Context.IgnoresTopByte(isUpper: false) ? IgnoresTopByteLower : 0)
                | (path.Context.IgnoresTopByte(isUpper: true) && !isOneRange ? IgnoresTopByteUpper : 0)
                | (isOneRange && path.Context.IgnoresTopByte(isUpper: false) ? HasOneRange : 0)
                | (closes && path.Context.DisablesUnprivileged(isUpper: false) ? IsClosedLower : 0)
                | (closes && path.Context.DisablesUnprivileged(isUpper: true) ? IsClosedUpper : 0);
        }
        else if ((path.Stream.Config & 1) != 0)
        {
            // What passes stage 1 by is checked against the width of addresses every time.
            return;
        }

        if (IsUndisturbed(path.Scope))
        {
            _shortcuts.Add(new CacheEntry
            {
                Key = ShortcutKey(request),
                Space = HardwareCache.Valid | request.StreamId,
                Mask = ulong.MaxValue,
                A = path.Tag,
                B = flags,
            });
        }
    }

    /// <summary>A page that answers a transaction.</summary>
    /// <param name="Physical">Where it is.</param>
    /// <param name="Rights">What may be done there: a <see cref="Protection"/>, in the lower half.</param>
    /// <param name="Shift">Its size, as a power of two.</param>
    private readonly record struct Hit(ulong Physical, ulong Rights, int Shift)
    {
        public Translation RangeOf(ulong address) =>
            new(IsAllowed: true, address & ~((1ul << Shift) - 1), 1ul << Shift, Physical, (Protection)(uint)Rights);
    }
}
