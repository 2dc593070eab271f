"""The samples as small curves, one below the other, in one SVG."""
from samples import UNITS

WIDTH, HEIGHT, LEFT, GAP = 860, 70, 150, 26


def draw(sampler):
    names = list(UNITS)
    whole = (HEIGHT + GAP) * len(names) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{whole}" font-family="sans-serif" font-size="12">']
    parts.append(f'<rect width="100%" height="100%" fill="#fff"/>')
    length = max(sample["at"] for sample in sampler.samples)
    for row, name in enumerate(names):
        parts.append(curve(sampler, name, row * (HEIGHT + GAP) + 14, length))
    parts.append(f'<text x="{LEFT}" y="{whole - 8}">0 to {length / 60:.0f} minutes; red: a kill</text></svg>')
    return "\n".join(parts)


def curve(sampler, name, top, length):
    values = [sample[name] for sample in sampler.samples]
    highest = max(values) or 1
    at = lambda seconds: LEFT + seconds / length * WIDTH
    points = " ".join(f"{at(sample['at']):.1f},{top + HEIGHT - sample[name] / highest * HEIGHT:.1f}" for sample in sampler.samples)
    kills = "".join(f'<line x1="{at(kill):.1f}" x2="{at(kill):.1f}" y1="{top}" y2="{top + HEIGHT}" stroke="#d33"/>' for kill in sampler.kills)
    frame = f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>'
    words = f'<text x="4" y="{top + 20}">{UNITS[name]}</text><text x="{LEFT + WIDTH + 6}" y="{top + 10}">{highest:.4g}</text><text x="{LEFT + WIDTH + 6}" y="{top + HEIGHT}">0</text>'
    return f'{frame}{kills}{words}<polyline points="{points}" fill="none" stroke="#246" stroke-width="1.2"/>'
