using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <summary>Decodes messages of Arm's SMMUv3: a heading, four words, and with newer kernels two lines that say the same in names.</summary>
/// <remarks>
/// <code>
/// arm-smmu-v3 9050000.smmuv3: event 0x10 received:
/// arm-smmu-v3 9050000.smmuv3: 	0x0000002000000010
/// arm-smmu-v3 9050000.smmuv3: 	0x0000020000000000
/// arm-smmu-v3 9050000.smmuv3: 	0x000000002f89d040
/// arm-smmu-v3 9050000.smmuv3: 	0x0000000000000000
/// arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x2f89d040 ipa: 0x0
/// arm-smmu-v3 9050000.smmuv3: unpriv data write s1 "Input address caused fault" stag: 0x0
/// </code>
/// </remarks>
/// <param name="add">Told of each fault; later lines may still add to it.</param>
internal sealed partial class SmmuV3Messages(Action<LoggedFault> add)
{
    private const int Words = 4;

    // More of them than this do not print at a time.
    private const int MaxUnits = 16;

    private readonly Dictionary<string, Unit> _units = new(StringComparer.Ordinal);

    /// <summary>Reads a line; false if it is none of these.</summary>
    public bool Read(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (!text.Contains("smmu", StringComparison.Ordinal) || Line().Match(text) is not { Success: true } match)
        {
            return false;
        }

        var unit = UnitOf(match.Groups["unit"].Value);
        if (match.Groups["id"].Success)
        {
            unit.Give(add);
            unit.Start(place, (uint)(FaultMessages.Hex(match.Groups["id"].ValueSpan) ?? 0), FaultMessages.Cut(text[match.Index..]));
        }
        else if (match.Groups["word"].Success)
        {
            if (unit.IsOpen && unit.Take(FaultMessages.Hex(match.Groups["word"].ValueSpan) ?? 0))
            {
                unit.Give(add);
            }
        }
        else if (match.Groups["name"].Success)
        {
            Name(unit, match, text, place);
        }
        else if (unit.Last is { Direction: FaultDirection.Unknown } last)
        {
            last.Direction = match.Groups["access"].ValueSpan.SequenceEqual("read") ? FaultDirection.Read : FaultDirection.Write;
        }

        return true;
    }

    /// <summary>Ends the log.</summary>
    public void Finish()
    {
        foreach (var unit in _units.Values)
        {
            unit.Give(add);
        }
    }

    private Unit UnitOf(string name)
    {
        if (!_units.TryGetValue(name, out var unit))
        {
            if (_units.Count == MaxUnits)
            {
                Finish();
                _units.Clear();
            }

            _units.Add(name, unit = new Unit(name));
        }

        return unit;
    }

    /// <summary>The line with names: it adds the client to the fault before it, or is all that there is.</summary>
    private void Name(Unit unit, Match match, string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        unit.Give(add);
        uint stream = (uint)(FaultMessages.Hex(match.Groups["sid"].ValueSpan) ?? 0);
        ulong? iova = FaultMessages.Hex(match.Groups["iova"].ValueSpan);
        var fault = unit.Last;
        if (fault is null || fault.Requester != stream || (fault.Iova is { } known && known != iova) || unit.IsNamed)
        {
            var (evidence, words, hasIova, code) = SmmuV3Events.Of(match.Groups["name"].Value);
            fault = new LoggedFault
            {
                Reporter = FaultReporter.SmmuV3,
                Line = place.Line,
                Nanoseconds = place.Nanoseconds,
                Clock = place.Clock,
                Message = FaultMessages.Cut(text[match.Index..]),
                Iova = hasIova ? iova : null,
                WhyNoIova = hasIova ? null : "events of this kind have none",
                Evidence = evidence,
                ReasonCode = code,
                Reason = words,
                Requester = stream,
                Device = Unit.StreamName(stream),
            };
            ulong? pasid = FaultMessages.Hex(match.Groups["ssid"].ValueSpan);
            fault.Pasid = pasid is > 0 and <= 0xf_ffff ? (uint)pasid : null;
            add(fault);
            unit.Last = fault;
        }

        unit.IsNamed = true;
        if (Pci().IsMatch(match.Groups["client"].ValueSpan))
        {
            FaultMessages.SetPciDevice(fault, match.Groups["client"].Value);
        }
        else if (match.Groups["client"].ValueSpan is not ("(unassigned" or "(unassigned sid)" or ""))
        {
            fault.Device = FaultMessages.Cut(match.Groups["client"].Value);
        }
    }

    [GeneratedRegex(
        @"arm[-_]smmu[-_]v3 (?<unit>[\w.@:\-]{1,64}?): (event (?<id>0x[0-9a-f]{1,8}) received|\s*(?<word>0x[0-9a-f]{16})\b"
            + @"|event: (?<name>[A-Z0-9_]{3,32}) client: (?<client>.{0,64}?) sid: (?<sid>0x[0-9a-f]{1,8}) ssid: (?<ssid>0x[0-9a-f]{1,8})"
            + @"( iova: (?<iova>0x[0-9a-f]{1,16}))?|(un)?priv \w{2,8} (?<access>read|write)\b)",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Line();

    [GeneratedRegex(@"^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Pci();

    /// <summary>What one SMMU has printed of an event so far.</summary>
    private sealed class Unit(string name)
    {
        private readonly ulong[] _words = new ulong[Words];
        private (long Line, long Nanoseconds, LogClock Clock) _place;
        private string _message = string.Empty;
        private uint _id;
        private int _count;

        public bool IsOpen { get; private set; }

        /// <summary>Whether the line with names of <see cref="Last"/> was there.</summary>
        public bool IsNamed { get; set; }

        /// <summary>The event before.</summary>
        public LoggedFault? Last { get; set; }

        public static string StreamName(uint stream) => string.Create(CultureInfo.InvariantCulture, $"stream 0x{stream:x}");

        public void Start((long Line, long Nanoseconds, LogClock Clock) place, uint id, string message)
        {
            (_place, _id, _message, _count) = (place, id, message, 0);
            IsOpen = true;
        }

        /// <summary>Takes a word; true if it was the last.</summary>
        public bool Take(ulong word)
        {
            _words[_count++] = word;
            return _count == Words;
        }

        /// <summary>Gives away what there is, if an event was begun.</summary>
        public void Give(Action<LoggedFault> add)
        {
            if (!IsOpen)
            {
                return;
            }

            IsOpen = false;
            IsNamed = false;
            bool isWhole = _count == Words;
            var (evidence, words, hasIova) = SmmuV3Events.Of(_id);
            Last = new LoggedFault
            {
                Reporter = FaultReporter.SmmuV3,
                Line = _place.Line,
                Nanoseconds = _place.Nanoseconds,
                Clock = _place.Clock,
                Message = _message,
                IsHeaderOnly = _count == 0,
                Evidence = evidence,
                ReasonCode = _id,
                Reason = words,
                WhyNoIova = !isWhole ? "the words that have it are not in the log" : hasIova ? null : "events of this kind have none",
                Device = _count == 0 ? null : StreamName((uint)(_words[0] >> 32)),
                Requester = _count == 0 ? null : (uint)(_words[0] >> 32),
            };
            if (isWhole)
            {
                Last.Iova = hasIova ? _words[2] : null;
                Last.Direction = !hasIova ? FaultDirection.Unknown : ((_words[1] >> 35) & 1) != 0 ? FaultDirection.Read : FaultDirection.Write;
                Last.Pasid = ((_words[0] >> 11) & 1) != 0 ? (uint)(_words[0] >> 12) & 0xf_ffff : null;
            }

            add(Last);
        }

        public override string ToString() => name;
    }
}
